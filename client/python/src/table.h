// Keys of words to values, for what has to be found in a few dozen nanoseconds.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace tuned::python {

inline uint64_t hashWords(const uint64_t* words, size_t count) {
  uint64_t hash = count;
  for (size_t i = 0; i < count; ++i) {
    hash = (hash ^ words[i]) * 0x9e3779b97f4a7c15U;
    hash ^= hash >> 32;
  }
  return hash;
}

/// Open addressing; at most half full. Only touched under the GIL. Keys have at least one word.
template <typename Value> class Table {
public:
  /// Null when there is none. Valid until the next put or clear.
  Value* find(uint64_t hash, const uint64_t* key, size_t words) {
    Place* place = seek(hash, key, words);
    return place ? &place->value : nullptr;
  }
  void put(uint64_t hash, const uint64_t* key, size_t words, Value value) {
    if (Place* known = seek(hash, key, words)) {
      std::swap(known->value, value);
      return;
    }
    if (2 * ++used_ > places_.size()) grow();
    place({hash, std::vector<uint64_t>(key, key + words), std::move(value)});
  }
  void clear() {
    // What goes may run Python code, which must find the table sound.
    std::vector<Place> gone(fewest);
    gone.swap(places_);
    used_ = 0;
  }
  size_t size() const { return used_; }
  /// `see(value)` for each value until one gives something else than 0, which is returned.
  template <typename See> int each(See see) const {
    for (const Place& place : places_)
      if (!place.key.empty())
        if (const int told = see(place.value)) return told;
    return 0;
  }
  template <typename See> int each(See see) {
    for (Place& place : places_)
      if (!place.key.empty())
        if (const int told = see(place.value)) return told;
    return 0;
  }

private:
  static constexpr size_t fewest = 8;
  struct Place {
    uint64_t hash = 0;
    std::vector<uint64_t> key; ///< empty: a free place
    Value value;
  };

  size_t mask() const { return places_.size() - 1; }
  Place* seek(uint64_t hash, const uint64_t* key, size_t words) {
    for (size_t at = hash & mask();; at = (at + 1) & mask()) {
      Place& place = places_[at];
      if (place.key.empty()) return nullptr;
      if (place.hash == hash && place.key.size() == words && std::equal(key, key + words, place.key.begin()))
        return &place;
    }
  }
  void place(Place place) {
    size_t at = place.hash & mask();
    while (!places_[at].key.empty())
      at = (at + 1) & mask();
    places_[at] = std::move(place);
  }
  void grow() {
    std::vector<Place> old(places_.size() * 2);
    old.swap(places_);
    for (Place& known : old)
      if (!known.key.empty()) place(std::move(known));
  }
  std::vector<Place> places_ = std::vector<Place>(fewest);
  size_t used_ = 0;
};

} // namespace tuned::python
