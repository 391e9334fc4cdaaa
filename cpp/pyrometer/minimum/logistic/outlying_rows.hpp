// Few rows that are far larger than all others, in coordinates in which they are not.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "pyrometer/base/aligned.hpp"
#include "pyrometer/data/pack.hpp"
#include "pyrometer/minimum/faces/elimination.hpp"

namespace pyrometer::minimum {

/// Whether a gap is not mostly rounding, whose bound holds to first order: above this, relative to the loss, its
/// squares count, too.
[[nodiscard]] inline bool of_first_order(double gap, double loss) { return gap <= 1e-6 * loss; }

/// Rows d_i = (x_i - shift, 1) or x_i, of which up to 64, or 2^22 / n^2, and one in three, have an element 1e5 times
/// larger than the typical one of its column. Those that are `active` are eliminated (elimination.hpp), as long as what
/// is left of one is large: of the coordinates phi, one for each of these is its logit, but for the parts of larger
/// ones; rows z_i with d_i . theta = z_i . phi have ordinary sizes.
///
/// The other large rows are left out: the cross entropy of all rows is at least that without them, and exceeds it by
/// their losses, which are negligible where they are far on their own side. Those that are not become active. Likewise
/// each other class of an active row.
///
/// Rows above some 1e18 would have probabilities so small that rounding hides them. With their elements in other rows
/// (sum of their absolute values S) times 2^k the minimum is at least the same, and at most 80 2^k S + C w e^-40
/// larger: the own logit, 40 more than 2^-k of what it is at the true minimum, has no loss, and changes other logits by
/// this much.
///
/// The elements of z are rounded once, from double-double numbers.
class OutlyingRows {
 public:
  /// The classes in rows.y are below `classes`; logits are of all but the last one, whose own is 0. With two classes, 1
  /// is the first one, as in logistic regression, if `ones`.
  ///
  /// largest  of the absolute values of each column, if known: the rows are then read only if there may be such rows.
  template <class T>
  OutlyingRows(const data::Rows<T>& rows, bool intercept, Index classes, bool ones,
               const std::vector<double>& largest = {});

  /// Whether there are such rows.
  [[nodiscard]] bool any() const { return !outlying_.empty(); }
  /// Whether they are so few that their coordinates are tried before those of the given columns.
  [[nodiscard]] bool few() const;
  /// Whether hardly any rows are between these and ordinary ones, as with fill values, not with heavy tails.
  [[nodiscard]] bool apart() const;
  /// z of the rows that are not left out, the active ones last; n columns, no intercept. Classes are those of rows.y.
  [[nodiscard]] data::Rows<double> rows(const data::Rows<double>& rows, int threads);
  [[nodiscard]] Index active() const { return std::ssize(active_); }
  /// Parameters (classes() - 1 x n) to start from, after rows(): other classes of active rows have probabilities such
  /// that these rows balance all others at most, which Newton's method approaches from there in few steps.
  [[nodiscard]] std::vector<double> start() const;

  /// After no minimum was found, and a descent ended at phi. If active rows have several classes: each coordinate is 0
  /// for the own class of its row, as in arrange(). Else, if the Hessian is `singular`: the active rows are eliminated
  /// in the order of what they add to the Hessian there, so that none that adds much depends on the coordinates of
  /// those that add little. False if neither helps, and after a few times.
  bool retry(const std::vector<double>& phi, bool singular);
  /// Makes those of the classes left out active, and their rows, that the own logit at phi (classes() - 1 x n) is not
  /// far above; whether there were any. `lost`: a bound of what those that stay left out add to the loss.
  bool activate(const std::vector<double>& phi, double& lost);
  /// Where classes of active rows are left out, the own class of these rows takes the place of the last one, so that
  /// the others have coordinates of their own. Else that of the first one: with a class of tiny probability last, the
  /// logits of two that share a row would be known by their difference alone.
  ///
  /// If those rows have several classes: each coordinate that is the logit of a row is 0 for the own class of that row,
  /// others are 0 for the last class, and one more class, which no row has or allows, is last.
  void arrange();
  /// The number of classes of rows(), and the parameters that vary: all, or if there is one more class, these.
  [[nodiscard]] Index classes() const { return classes_ + (references_.empty() ? 0 : 1); }
  [[nodiscard]] std::vector<Index> free() const;
  /// Rows x classes() of rows(), 0 for those left out; nullptr if none are.
  [[nodiscard]] const std::uint8_t* allowed() const { return allowed_.empty() ? nullptr : allowed_.data(); }
  /// Undoes arrange() for `numbers` of all classes.
  void exchange(std::vector<double>& numbers) const;
  /// Whether elements were multiplied by powers of two, so that the minimiser is another one.
  [[nodiscard]] bool stretched() const { return stretched_ > 0; }
  /// Parameters of the given columns (classes - 1 x n), the intercept last. Rounding of these parameters changes logits
  /// of active rows by many units: those are moved to the side of their class by more than that.
  [[nodiscard]] std::vector<double> back(const std::vector<double>& phi, bool moved = true) const;
  /// n x n: the parameters of each phi.
  [[nodiscard]] std::vector<double> map() const;

 private:
  struct Large {
    Elimination::Wide d;
    Index own;  ///< its class, before arrange()
    double weight;
    Index row;
    std::vector<std::uint8_t> in;  ///< the classes that are active, before arrange()
    double factor;                 ///< in the elimination
  };
  /// The number of a class after arrange(), or before it.
  [[nodiscard]] Index placed(Index c) const { return c == last_ ? classes_ - 1 : c == classes_ - 1 ? last_ : c; }
  void eliminate();
  void stretch();
  /// z of a large row; `active`: its number among those, or -1.
  [[nodiscard]] Elimination::Wide coordinates(const Large& row, Index active) const;
  void place_references();
  /// Moves the parameters of each coordinate so that those of its reference are 0.
  void refer(std::vector<double>& phi) const;
  [[nodiscard]] std::vector<double> shifted(const double* phi, const std::vector<double>& moves) const;
  [[nodiscard]] std::vector<double> back_one(const double* phi, const std::vector<double>& moves) const;
  [[nodiscard]] std::vector<double> logits(const Elimination::Wide& z, const std::vector<double>& phi,
                                           std::vector<double>& terms) const;

  Index n_, classes_, last_;
  std::vector<Index> references_;  ///< the class whose parameter is 0, of each coordinate; empty: last_
  bool intercept_, ones_, several_ = false;
  std::vector<double> shift_;
  std::vector<int> exponents_;
  std::vector<int> stretch_;   ///< exponents of coordinates, in all rows but that whose logit they are
  double stretched_ = 0;       ///< the bound of what that adds
  std::vector<double> start_;  ///< where a retry starts
  int retries_ = 0;
  Index between_ = 0;            ///< the number of rows between the large and the ordinary ones
  std::vector<Large> outlying_;  ///< not active
  std::vector<Large> active_;
  std::optional<Elimination> elimination_;  ///< of the active rows
  base::AlignedArray<double> X_;            ///< has room for all rows
  std::vector<double> y_, weights_;
  std::vector<std::uint8_t> allowed_;
};

}  // namespace pyrometer::minimum
