// The protocol between clients and the daemon; no transport. Everything that speaks it includes this.
#pragma once

#include "client/protocol/events.h"
#include "client/protocol/json.h"
#include "client/protocol/messages.h"
#include "client/protocol/problem.h"
#include "client/protocol/routes.h"
