// Pages of this library, brought in before they are needed.
#pragma once

namespace tuned::python {

/// Maps the pages of the extension and of the C library, which are in the page cache: one by one, as the
/// first question comes to them, they cost it a third of its time.
void prefault();

} // namespace tuned::python
