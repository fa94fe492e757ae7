// The fields of a bundle's lines.
#pragma once

#include "daemon/bundle/file.h"

namespace tuned::bundle {

template <typename V> void fields(V& v, Kernel& m) {
  v("id", m.id);
  v("name", m.name);
  v("document", m.document);
}

template <typename V> void fields(V& v, Target& m) {
  v("id", m.id);
  v("hardware", m.hardware);
  v("device", m.device);
  v("description", m.description);
}

template <typename V> void fields(V& v, Artefact& m) {
  v("sha", m.sha);
  v("format", m.format);
  v("target", m.target);
  v("size", m.size);
}

template <typename V> void fields(V& v, BuildEntry& m) {
  v("key", m.key);
  v("build", m.build);
}

template <typename V> void fields(V& v, MeasurementEntry& m) {
  v("build", m.build);
  v("target", m.target);
  v("policy", m.policy);
  v.option("finalist", m.finalist);
  v.option("created", m.created);
  v("measurement", m.measurement);
}

} // namespace tuned::bundle
