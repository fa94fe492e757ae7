// What holds a build back, as far as its binary, its grid and the device tell.
#pragma once

#include "client/protocol/messages.h"

namespace tuned {

/// Occupancy after the CUDA programming guide's table of compute capabilities 8.0 to 12.x; nothing of it
/// where the device has no multiprocessors of that kind. Shares of the roofs only where the device says what
/// its peaks are.
protocol::Limits limitsOf(const protocol::Answer& answer, const DeviceInfo& device);

} // namespace tuned
