// The levels of a BoundedSum that are integrated, and tables of them.
#include <algorithm>
#include <cmath>
#include <numbers>

#include "pyrometer/energy/rows/bounded_sum.hpp"

namespace pyrometer::energy {
namespace {

constexpr double kPi = std::numbers::pi;
constexpr Index kMostCalls = 4'000'000;
constexpr std::size_t kMostPieces = 4096;
constexpr int kDeepest = 40;

// Gauss-Kronrod nodes and weights, and the weights of the Gauss rule at every second node.
constexpr double kNode[] = {0.995657163025808080735527280689003,
                            0.973906528517171720077964012084452,
                            0.930157491355708226001207180059508,
                            0.865063366688984510732096688423493,
                            0.780817726586416897063717578345042,
                            0.679409568299024406234327365114874,
                            0.562757134668604683339000099272694,
                            0.433395394129247190799265943165784,
                            0.294392862701460198131126603103866,
                            0.14887433898163121088482600112972,
                            0.0};
constexpr double kKronrod[] = {
    0.011694638867371874278064396062192, 0.03255816230796472747881897245939,  0.05475589657435199603138130024458,
    0.07503967481091995276704314091619,  0.093125454583697605535065465083366, 0.109387158802297641899210590325805,
    0.123491976262065851077958109585166, 0.134709217311473325928054001771707, 0.142775938577060080797094273138717,
    0.147739104901338491374841515972068, 0.149445554002916905664936468389821};
constexpr double kGauss[] = {0.0, 0.066671344308688137593568809893332, 0.0, 0.149451349150580593145863396957658,
                             0.0, 0.219086362515982043995534934228163, 0.0, 0.269266719309996355091226921569469,
                             0.0, 0.295524224714752870173815619188769, 0.0};

// Chebyshev points, and the weights of values at them in the coefficients.
template <int kSize>
struct ChebyshevRule {
  double node[kSize], weight[kSize][kSize];

  ChebyshevRule() {
    for (int i = 0; i < kSize; ++i) {
      const double angle = kPi * (i + 0.5) / kSize;
      node[i] = std::cos(angle);
      for (int k = 0; k < kSize; ++k) weight[i][k] = (k == 0 ? 1.0 : 2.0) / kSize * std::cos(k * angle);
    }
  }
};

}  // namespace

// H_q is even in c.
void BoundedSum::tabulate(Index q) {
  std::vector<Piece> pieces;
  Level& level = levels_[at(q)];
  double begin = 0;
  const auto add = [&](double end) {
    if (!(end > begin)) return;
    add_piece(q, begin, end, 0);
    begin = end;
  };
  for (const double edge : levels_[at(q - 1)].edges) add(std::clamp(edge, 0.0, level.point));
  add(level.point);
  std::swap(pieces_, level.table);
  pieces_.clear();
}

void BoundedSum::add_piece(Index q, double begin, double end, int depth) {
  static const ChebyshevRule<kOrder> rule;
  Piece piece{begin, end, {}, 0, 0};
  const double middle = 0.5 * (begin + end), half = 0.5 * (end - begin);
  for (int i = 0; i < kOrder; ++i) {
    const Node node = at_level(q, middle + half * rule.node[i]);
    const double values[] = {node.value, node.derivative, node.logistic};
    for (int f = 0; f < 3; ++f)
      for (int k = 0; k < kOrder; ++k) piece.coefficient[f][k] += values[f] * rule.weight[i][k];
    piece.error = std::max(piece.error, node.error);
    piece.slope_error = std::max(piece.slope_error, node.slope_error);
  }
  // The last coefficients bound the error of interpolation.
  const auto last = [&](int f) {
    return std::fabs(piece.coefficient[f][kOrder - 1]) + std::fabs(piece.coefficient[f][kOrder - 2]);
  };
  const double error = last(0), slope_error = error + y_ * last(1) + last(2);
  const bool enough = error <= 0.25 * tolerance_ && slope_error <= 25.0 * tolerance_;
  if (!enough && depth < kDeepest && pieces_.size() < kMostPieces) {
    add_piece(q, begin, middle, depth + 1);
    return add_piece(q, middle, end, depth + 1);
  }
  piece.error += 2.0 * error;
  piece.slope_error += 2.0 * slope_error;
  pieces_.push_back(piece);
}

BoundedSum::Node BoundedSum::by_table(const Level& level, double c) {
  const double size = std::fabs(c);
  auto piece = std::upper_bound(level.table.begin(), level.table.end(), size,
                                [](double at, const Piece& each) { return at < each.end; });
  if (piece == level.table.end()) --piece;
  const double x = (2.0 * size - piece->begin - piece->end) / (piece->end - piece->begin);
  double sums[3];
  for (int f = 0; f < 3; ++f) {
    double before = 0, now = 0;
    for (int k = kOrder - 1; k > 0; --k) {
      const double next = piece->coefficient[f][k] + 2.0 * x * now - before;
      before = now;
      now = next;
    }
    sums[f] = piece->coefficient[f][0] + x * now - before;
  }
  return {sums[0], c < 0 ? -sums[1] : sums[1], sums[2], piece->error, piece->slope_error};
}

BoundedSum::Node BoundedSum::by_integral(Index q, double c) {
  const Part& part = parts_[at(q)];
  const TruncatedShape& shape = *part.shape;
  const double h = part.reach, point = std::max(0.0, levels_[at(q + 1)].point);
  const double low = std::clamp((c - point) / h, -1.0, 1.0), high = std::clamp((c + point) / h, -1.0, 1.0);
  const double left = shape.mass(-1.0, low), right = shape.mass(high, 1.0);
  Node sum{c * (left - right) + h * (shape.first_moment(high, 1.0) - shape.first_moment(-1.0, low)), left - right, 0};
  double begin = low;
  const std::vector<double>& edges = levels_[at(q)].edges;
  const auto add = [&](double end) {
    if (!(end > begin)) return;
    const Node part_of = panel(q, c, begin, end, 0);
    sum.value += part_of.value;
    sum.derivative += part_of.derivative;
    sum.logistic += part_of.logistic;
    sum.error += part_of.error;
    sum.slope_error += part_of.slope_error;
    begin = end;
  };
  // c - h v is an edge; edges are symmetric about 0.
  for (const double edge : edges) add(std::clamp((c + edge) / h, low, high));
  add(high);
  return sum;
}

BoundedSum::Node BoundedSum::panel(Index q, double c, double v0, double v1, int depth) {
  const Part& part = parts_[at(q)];
  const double middle = 0.5 * (v0 + v1), half = 0.5 * (v1 - v0);
  Node fine{0, 0, 0}, coarse{0, 0, 0};
  const auto add = [&](double v, int k) {
    const Node node = at_level(q + 1, c - part.reach * v);
    const double weight = half * part.shape->density(v), a = weight * kKronrod[k], b = weight * kGauss[k];
    fine.value += a * node.value, fine.derivative += a * node.derivative, fine.logistic += a * node.logistic;
    coarse.value += b * node.value, coarse.derivative += b * node.derivative, coarse.logistic += b * node.logistic;
    fine.error += a * node.error, fine.slope_error += a * node.slope_error;
  };
  for (int k = 0; k < 10; ++k) {
    add(middle - half * kNode[k], k);
    add(middle + half * kNode[k], k);
  }
  add(middle, 10);
  calls_ += 21;
  const double error = std::fabs(fine.value - coarse.value);
  const double slope_error =
      error + y_ * std::fabs(fine.derivative - coarse.derivative) + std::fabs(fine.logistic - coarse.logistic);
  // The difference is the error of the coarse rule; that of the fine one is about its power 3/2.
  const double scale = tolerance_ / kCut;
  const auto of_fine = [&](double difference) {
    const double relative = 200.0 * difference / scale;
    return std::min(difference, scale * relative * std::sqrt(relative));
  };
  const double enough = tolerance_;
  if ((of_fine(error) <= enough && of_fine(slope_error) <= 100.0 * enough) || depth == kDeepest ||
      calls_ > kMostCalls) {
    fine.error += of_fine(error);
    fine.slope_error += of_fine(slope_error);
    return fine;
  }
  Node first = panel(q, c, v0, middle, depth + 1);
  const Node second = panel(q, c, middle, v1, depth + 1);
  first.value += second.value, first.derivative += second.derivative, first.logistic += second.logistic;
  first.error += second.error, first.slope_error += second.slope_error;
  return first;
}

}  // namespace pyrometer::energy
