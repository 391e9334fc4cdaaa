#include "pyrometer/data/merge_tree.hpp"

#include <utility>

namespace pyrometer::data {

void merge(Part& left, Part& right, Index columns) {
  const Index ld = padded(columns);
  const double here = left.count, there = right.count, all = here + there;
  double *off = left.off.get(), *delta = right.off.get();
  for (Index j = 0; j < columns; ++j) {
    const std::size_t k = at(j);
    delta[j] = (right.shift[k] - left.shift[k]) + (delta[j] - off[j]);
    off[j] += delta[j] * (there / all);
  }
  const double weight = here * (there / all);
  for (Index i = 0; i < columns; ++i) {
    double* row = left.scatter.get() + i * ld;
    const double *other = right.scatter.get() + i * ld, d = delta[i];
    for (Index j = i; j < columns; ++j) row[j] += other[j] + weight * (d * delta[j]);
    left.squares[at(i)] += right.squares[at(i)] + weight * (d * d);
  }
  left.count += right.count;
}

void MergeTree::reset(Index leaves) {
  for (auto& level : waiting_) {
    for (auto& part : level) {
      if (part) free_.push_back(std::move(part));
    }
  }
  if (!width_.empty() && width_.front() == leaves) return;  // the same places, all empty
  width_.clear();
  waiting_.clear();
  for (Index width = leaves;; width = (width + 1) / 2) {
    width_.push_back(width);
    waiting_.emplace_back(at((width + 1) / 2));
    if (width == 1) break;
  }
}

std::unique_ptr<Part> MergeTree::take() {
  {
    const std::lock_guard lock(mutex_);
    if (!free_.empty()) {
      std::unique_ptr<Part> part = std::move(free_.back());
      free_.pop_back();
      return part;
    }
  }
  return std::make_unique<Part>(columns_);
}

void MergeTree::add(Index leaf, std::unique_ptr<Part> part) {
  Index node = leaf;
  for (std::size_t level = 0;; ++level, node /= 2) {
    const bool root = width_[level] == 1, odd_one = !root && (node ^ 1) >= width_[level];
    if (odd_one) continue;
    std::unique_ptr<Part> other;
    {
      const std::lock_guard lock(mutex_);
      auto& place = waiting_[level][at(node / 2)];
      if (!place) {
        place = std::move(part);
        return;
      }
      other = std::move(place);
    }
    if (node % 2 == 1) std::swap(part, other);
    merge(*part, *other, columns_);
    const std::lock_guard lock(mutex_);
    free_.push_back(std::move(other));
  }
}

}  // namespace pyrometer::data
