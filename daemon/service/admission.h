// Whether a problem's buffers have room, before anybody works on it.
#pragma once

#include "backend/device.h"
#include "base/error.h"

#include <cstdint>

namespace tuned {

/// OutOfResources says what is needed and what there is: the device holds the buffers and some more, and the
/// host holds inputs, the reference's outputs and what is compared with them, about three times the buffers.
Result<void> checkRoom(int64_t bufferBytes, const DeviceInfo& device);

} // namespace tuned
