#include "base/error.h"
#include "base/sha256.h"
#include <doctest/doctest.h>

using namespace tuned;

TEST_CASE("sha256 of the empty string and of abc are those of FIPS 180-4") {
  CHECK(sha256("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(sha256("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST_CASE("an error prints its place, its message and its remedy") {
  Error error{ErrorKind::InvalidInput, "no such op", Location{"k.ttir", 3, 7}, "see the list of ops"};
  CHECK(error.text() == "k.ttir:3:7: no such op (see the list of ops)");
  for (int kind = 0; kind <= static_cast<int>(ErrorKind::Internal); ++kind)
    CHECK(errorKindFromName(name(static_cast<ErrorKind>(kind))) == static_cast<ErrorKind>(kind));
}
