#include "pyrometer/minimum/absolute/groups.hpp"

#include <bit>
#include <cmath>

namespace pyrometer::minimum::absolute {
namespace {

constexpr Index kSampled = 1024;
constexpr Index kMostGroups = 1 << 15;
constexpr std::int32_t kNone = -1;

// A hash of a row: the sum of its bit patterns times random odd factors. Negative zeros must be removed first.
class Hash {
 public:
  explicit Hash(Index width) {
    for (Index j = 0; j < width; ++j)
      factors_.push_back(base::mixed((static_cast<std::uint64_t>(j) + 1) * base::kSplitMix) | 1);
  }
  [[nodiscard]] std::uint64_t operator()(const double* values) const {
    std::uint64_t h = 0;
    for (std::size_t j = 0; j < factors_.size(); ++j) {
      const auto bits = std::bit_cast<std::uint64_t>(values[j]);
      h += (bits ^ (bits >> 32)) * factors_[j];
    }
    h = (h ^ (h >> 32)) * 0x94D049BB133111EBU;
    return h ^ (h >> 32);
  }

 private:
  std::vector<std::uint64_t> factors_;
};

// Row i and its y without centring, negative zeros made positive.
void read(const Table& table, Index i, double* values) {
  values[table.features] = table.raw(i, values);
  for (Index j = 0; j <= table.features; ++j) values[j] += 0.0;
}

// A hash table of groups by their values, with open addressing.
class Lookup {
 public:
  Lookup(Index width, Index most) : width_(width), hash_(width), places_(std::bit_ceil(at(2 * most + 2)), kNone) {}

  // The group of these values, or kNone and the place to insert them.
  [[nodiscard]] std::int32_t find(const double* values, std::size_t& place) const {
    const std::size_t mask = places_.size() - 1;
    for (place = hash_(values) & mask; places_[place] != kNone; place = (place + 1) & mask)
      if (std::equal(values, values + width_, values_.begin() + places_[place] * width_)) return places_[place];
    return kNone;
  }
  std::int32_t add(const double* values, std::size_t place) {
    values_.insert(values_.end(), values, values + width_);
    return places_[place] = static_cast<std::int32_t>(static_cast<Index>(values_.size()) / width_ - 1);
  }

 private:
  Index width_;
  Hash hash_;
  std::vector<std::int32_t> places_;
  Vec values_;
};

// The share of `taken` rows that occur once: an estimate of the share of other rows that equal none of these (Good
// 1953).
double once(const Rows& sample, Index taken) {
  const Index n = sample.columns;
  const Hash hash(n + 1);
  std::vector<std::uint64_t> hashes;
  Vec z(at(n + 1));
  for (Index k = 0; k < taken; ++k) {
    z[at(n)] = sample.row(k * (sample.count / taken), z.data());
    hashes.push_back(hash(z.data()));
  }
  std::sort(hashes.begin(), hashes.end());
  Index single = 0;
  for (std::size_t k = 0; k < hashes.size(); ++k) {
    const bool before = k > 0 && hashes[k - 1] == hashes[k],
               after = k + 1 < hashes.size() && hashes[k + 1] == hashes[k];
    single += before || after ? 0 : 1;
  }
  return static_cast<double>(single) / static_cast<double>(taken);
}

}  // namespace

bool repeats(const Rows& sample) {
  return once(sample, std::min(sample.count, kSampled)) <= 0.9 && once(sample, sample.count) <= 0.25;
}

std::optional<Groups> group(const Table& table, const Indices& sample, ExecutionContext context) {
  const Index width = table.features + 1, most = std::min(kMostGroups, table.count / 16);
  Groups out;
  Lookup lookup(width, most);
  Vec values(at(width));
  // Counts row i; false if there are too many groups.
  const auto count = [&](Index i, double copies) {
    read(table, i, values.data());
    std::size_t place = 0;
    std::int32_t index = lookup.find(values.data(), place);
    if (index == kNone) {
      if (static_cast<Index>(out.first.size()) == most) return false;
      index = lookup.add(values.data(), place);
      out.first.push_back(i);
      out.count.push_back(0);
    }
    out.count[at(index)] += copies;
    return true;
  };
  for (const Index i : sample)
    if (!count(i, 0)) return std::nullopt;
  const std::size_t sampled = out.first.size();
  const base::Chunks chunks{table.count, std::max(kChunk * kBlock, static_cast<Index>(16 * sampled))};
  std::vector<Indices> missing(at(chunks.number()));
  std::vector<std::vector<std::int32_t>> counts(at(chunks.number()));
  context.for_each_chunk(chunks.number(), table.count * width, [&](Index chunk, int) {
    Vec mine(at(width));
    std::vector<std::int32_t> number(sampled);
    std::size_t place = 0;
    for (Index i = chunks.begin(chunk); i < chunks.end(chunk); ++i) {
      read(table, i, mine.data());
      const std::int32_t index = lookup.find(mine.data(), place);
      if (index == kNone) {
        missing[at(chunk)].push_back(i);
      } else {
        ++number[at(index)];
      }
    }
    counts[at(chunk)] = std::move(number);
  });
  for (const auto& number : counts)
    for (std::size_t g = 0; g < sampled; ++g) out.count[g] += number[g];
  for (const Indices& rows : missing)
    for (const Index i : rows)
      if (!count(i, 1)) return std::nullopt;
  return out;
}

void weigh(Rows& rows, const double* weights) {
  Vec z(at(rows.columns));
  for (Index i = 0; i < rows.count; ++i) {
    const double y = rows.row(i, z.data()), weight = weights[i];
    for (double& value : z) value *= weight;
    rows.set(i, z.data(), y * weight);
  }
}

Distinct::Distinct(const Table& of, const Groups& groups)
    : Table(static_cast<Index>(groups.first.size()), of.features, of.intercept, of.centre), of_(of), groups_(groups) {
  weights = groups.count.data();
  underflows = of.underflows;
}

}  // namespace pyrometer::minimum::absolute
