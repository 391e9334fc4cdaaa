// E|R - y| of one row with truncated parameters whose cosine series would be long: few parameters, or some that
// dominate.
#pragma once

#include <vector>

#include "pyrometer/base/types.hpp"
#include "pyrometer/energy/rows/symmetric_sum.hpp"
#include "pyrometer/energy/rows/truncated_shape.hpp"

namespace pyrometer::energy {

struct SumValue {
  double value;
  double slope;  ///< along the common logarithm of the reaches and of s, not of l or y
  double bound, slope_bound;
};

/// R = sum_j h_j V_j + s Z + l G with V_j truncated normal or uniform on [-1, 1], Z standard normal, G standard
/// logistic. With the variables in order of their reach, and R_q the sum from number q on,
///
///     H_q(c) = E |R_q - c| = |c|                                    where R_q does not reach c, up to the tolerance
///            = the folded normal mean, or the partial moments of V_q   where R_q is a single variable
///            = its cosine series (cosine_series.hpp)                if that is short
///            = int p(v) H_{q+1}(c - h_q v) dv                       else
///
/// The integral is in closed form where R_{q+1} does not reach c - h_q v; the rest is integrated adaptively by
/// Gauss-Kronrod rules of 21 nodes, in panels that end where the density of R_{q+1} has edges. Variables at the end
/// whose variance w^2 is so small that w^2 max density(h_0 V_0) is below the tolerance are left out: by Jensen's
/// inequality they add no more. A level that is slow is tabulated first, by Chebyshev polynomials in adaptive pieces.
///
/// One object for each thread; it owns its scratch memory.
class BoundedSum {
 public:
  struct Part {
    double reach;  ///< h
    const TruncatedShape* shape;
  };

  /// parts  finite reaches, not negative, in any order; changed.
  /// s, l   not negative.
  /// Bounds include truncation, the estimated errors of the quadrature and rounding.
  [[nodiscard]] SumValue mean_absolute(double y, std::vector<Part>& parts, double s, double l);

 private:
  struct Node {
    double value, derivative, logistic;  // H_q(c), dH_q/dc and l dH_q/dl
    double error = 0, slope_error = 0;
  };
  static constexpr int kOrder = 16;
  // Chebyshev coefficients of the three functions from `begin` to `end`.
  struct Piece {
    double begin, end;
    double coefficient[3][kOrder];
    double error, slope_error;
  };
  enum class Kind { nothing, folded, single, series, integral };
  struct Level {
    Reach reach;
    double point = 0;  // beyond which R_q does not reach
    Kind kind = Kind::nothing;
    double period = 0;
    std::vector<double> phi, logistic_phi;
    std::vector<double> edges;  // of panels, where H_{q+1} is not smooth
    std::vector<Piece> table;   // of H_q from 0 to `point`, in order, if it is slow to compute
  };

  void leave_out();
  void set_levels(double y);
  bool set_series(Level& level, Index q, double y);
  void set_edges(Index q);
  Node at_level(Index q, double c);
  Node by_series(const Level& level, double c) const;
  void tabulate(Index q);
  void add_piece(Index q, double begin, double end, int depth);
  static Node by_table(const Level& level, double c);
  Node by_integral(Index q, double c);
  Node panel(Index q, double c, double v0, double v1, int depth);

  std::vector<Part> parts_;
  double s_ = 0, l_ = 0, tolerance_ = 0, y_ = 0, left_out_ = 0;
  std::vector<Level> levels_;
  std::vector<Piece> pieces_;
  Index count_ = 0, depth_ = 0, calls_ = 0;
};

}  // namespace pyrometer::energy
