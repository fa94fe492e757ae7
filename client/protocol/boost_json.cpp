// Boost.JSON itself: Debian's is a shared library, and a client links none for it.
#include <boost/json/src.hpp>
