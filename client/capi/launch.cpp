// The launching side of gputuned.h.
#include "backend/runtime/cuda/driver.h"
#include "client/capi/handles.h"
#include "client/notice.h"

using namespace tuned;
using namespace tuned::capi;

gputuned_status gputuned_load(gputuned_client* client, const gputuned_answer* answer,
                              gputuned_kernel** kernel) {
  return guarded([&]() -> gputuned_status {
    if (!client || !answer || !kernel) return invalid("gputuned_load: an argument is null");
    auto launcher = client::Launcher::load(client->client, answer->answer);
    if (!launcher) return report(launcher.error());
    *kernel = new gputuned_kernel{std::move(*launcher)};
    return GPUTUNED_OK;
  });
}

size_t gputuned_kernel_buffers(const gputuned_kernel* kernel) {
  return kernel ? kernel->launcher->buffers() : 0;
}

int64_t gputuned_kernel_buffer_bytes(const gputuned_kernel* kernel, size_t index) {
  return kernel ? kernel->launcher->bufferBytes(index) : 0;
}

gputuned_status gputuned_launch(const gputuned_kernel* kernel, const void* const* buffers, size_t count,
                                void* stream) {
  static_assert(sizeof(void*) == sizeof(uint64_t), "addresses are handed on as they are");
  return guarded([&]() -> gputuned_status {
    if (!kernel || (count && !buffers)) return invalid("gputuned_launch: an argument is null");
    const auto* addresses = reinterpret_cast<const uint64_t*>(buffers);
    auto done = kernel->launcher->launch({addresses, count}, stream);
    return done ? GPUTUNED_OK : report(done.error());
  });
}

void gputuned_on_notice(void (*listener)(const char* text, void* context), void* context) {
  (void)guarded([&]() -> gputuned_status {
    client::onNotice(listener ? client::Notice([listener, context](const std::string& text) {
      listener(text.c_str(), context);
    })
                              : client::Notice());
    return GPUTUNED_OK;
  });
}

void gputuned_on_wait(int (*goOn)(void* context), void* context) {
  (void)guarded([&]() -> gputuned_status {
    client::onWait(goOn ? client::GoOn([goOn, context] { return goOn(context) != 0; }) : client::GoOn());
    return GPUTUNED_OK;
  });
}

gputuned_status gputuned_pointer_device(const void* pointer, int32_t* device) {
  return guarded([&]() -> gputuned_status {
    if (!device) return invalid("gputuned_pointer_device: device is null");
    auto index = cuda::deviceOfPointer(reinterpret_cast<uintptr_t>(pointer));
    if (!index) return report(index.error());
    *device = *index;
    return GPUTUNED_OK;
  });
}

void gputuned_kernel_free(gputuned_kernel* kernel) {
  delete kernel;
}
