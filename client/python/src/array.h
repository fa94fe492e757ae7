// Any array as DLPack describes it: address, type, device, shape. Nothing is copied, nothing waits for a
// stream.
#pragma once

#include "client/python/src/python.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <new>
#include <optional>

namespace tuned::python {

constexpr int maxDimensions = 8;

/// DLPack's device types that are told apart here.
constexpr int32_t hostDevice = 1, cudaDevice = 2, pinnedHostDevice = 3;

struct ArrayView {
  uint64_t address = 0; ///< of the first element
  int32_t deviceType = hostDevice, deviceIndex = 0;
  uint8_t code = 0, bits = 0; ///< DLDataType's; lanes is always 1
  bool contiguous = true;     ///< rows behind each other, the last axis densest
  bool readOnly = false;
  int dimensions = 0;
  std::array<int64_t, maxDimensions> shape; ///< of `dimensions` axes
  int64_t reach = 0;                        ///< elements from the address to the last one's end
  /// Where an array interface says that its data is made; launches elsewhere would not wait for it.
  std::optional<uint64_t> stream;
  Ref keeper; ///< what the address hangs on besides the array itself; may be empty
};

/// Views of a call's arrays, made where they stand: a kernel may take many, and most take few.
template <size_t most> class Views {
public:
  explicit Views(size_t count) : count_(count) {
    for (size_t i = 0; i < count; ++i)
      new (&(*this)[i]) ArrayView;
  }
  ~Views() {
    for (size_t i = 0; i < count_; ++i)
      (*this)[i].~ArrayView();
  }
  Views(const Views&) = delete;
  ArrayView& operator[](size_t i) { return reinterpret_cast<ArrayView*>(room_)[i]; }
  const ArrayView& operator[](size_t i) const { return reinterpret_cast<const ArrayView*>(room_)[i]; }

private:
  size_t count_;
  alignas(ArrayView) std::byte room_[most * sizeof(ArrayView)];
};

/// What is known of an array's type, looked up once.
struct ArrayType;

/// The entry of an object's type; never null.
const ArrayType* typeOf(PyObject* array);

/// Whether a type says that its objects can be described at all.
bool isArray(const ArrayType& type);

/// A stream as DLPack's protocol numbers it: what an array's library is to wait for it with. -1: it need not.
using ConsumerStream = int64_t;
constexpr ConsumerStream nobodyWaits = -1;
ConsumerStream consumerStream(const void* stream);

/// Fills the view. False with a TypeError when the object is no array (it has neither __dlpack__ nor an array
/// interface), or one that cannot be described. `consumer` is where the array is used next, if that is not
/// the current stream of its own library.
bool view(PyObject* array, const ArrayType& type, ArrayView& out, ConsumerStream consumer = nobodyWaits);

/// Whether the array says that gradients flow through it.
bool requiresGradient(PyObject* array, const ArrayType& type);

/// Whether view() tells the array's library of the consumer. It does not where the type is described in C,
/// and where there is nothing but an array interface.
bool takesConsumer(const ArrayType& type);

/// Whether view() needs no consumer: the type is described in C, or lies on the host.
bool needsNoStream(const ArrayType& type);

/// The stream on which the array's library works now. False: the library does not say it in C, ask it in
/// Python.
bool currentStream(const ArrayType& type, int32_t deviceIndex, void** stream);

/// "f32", "i64", "bf16", "i1", "f8E4M3FN", …; "?" for what no kernel takes. Unsigned integers are "u8", ….
std::string dtypeName(const ArrayView& array);
/// "cpu", "cuda:1"; "device:N" for a kind that is not known.
std::string deviceName(const ArrayView& array);

} // namespace tuned::python
