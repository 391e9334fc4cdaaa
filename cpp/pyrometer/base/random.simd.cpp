#include "pyrometer/base/random.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <type_traits>

#include "pyrometer/base/minus_two_log.hpp"
#include "pyrometer/base/require.hpp"
#include "pyrometer/base/threefry.hpp"

namespace pyrometer::base {
namespace {

using Word = std::uint64_t;
using Half = std::uint32_t;

constexpr Index kLanes = 64;                   // blocks at a time: all arrays below stay in the L1 cache
constexpr Word kUniformRange = Word{1} << 63;  // counters of uniforms

// The loops below are plain so that compilers vectorise them at every level. That rules out what AVX2 lacks:
// conversions between 64-bit integers and doubles, and arithmetic right shifts. Bits become a double by setting its
// exponent instead. A function that is not inlined would prevent vectorisation.

/// Random bits, word by word; before encrypt() they are the counters.
struct alignas(64) Blocks {
  Word x[kLanes], y[kLanes];
};

/// `count` is a multiple of 16.
void encrypt(Seed key, Index count, Blocks& blocks) {
#if defined(PYROMETER_THREEFRY_LANES)
  for (Index i = 0; i < count; i += 4)
    threefry_block(key[0], key[1], reinterpret_cast<ThreefryLanes&>(blocks.x[i]),
                   reinterpret_cast<ThreefryLanes&>(blocks.y[i]));
#else
  for (Index i = 0; i < count; ++i) {
    Word x = blocks.x[i], y = blocks.y[i];
    threefry_block(key[0], key[1], x, y);
    blocks.x[i] = x;
    blocks.y[i] = y;
  }
#endif
}

// (k + 1/2) 2^-52 with the 52 high bits k: an odd multiple of 2^-53 in (0, 1). 1 - 2^-53 is a double, and so is the
// result.
double open_unit(Word bits) { return std::bit_cast<double>((bits >> 12) | 0x3FF0000000000000) - (1 - 0x1p-53); }

// An odd multiple of 2^-52 in (-1/2, 1/2), made of the 51 high bits.
double open_centred(Word bits) { return std::bit_cast<double>((bits >> 12) | 0x3FF0000000000001) - 1.5; }

// sin and cos of t pi / 2 for t in (-1/2, 1/2): a quarter of the circle. Minimax to 2^-56 and 2^-63.
[[gnu::always_inline]] inline void quarter(double t, double& sine, double& cosine) {
  const double q = t * t;
  double s = 0x1.e4a9d9166ef25p-25;
  s = s * q - 0x1.e3027dea82bd4p-19;
  s = s * q + 0x1.50783208843ebp-13;
  s = s * q - 0x1.32d2cce500387p-8;
  s = s * q + 0x1.466bc6775a476p-4;
  s = s * q - 0x1.4abbce625be52p-1;
  sine = t * (s * q + 0x1.921fb54442d18p+0);
  double c = -0x1.b2f3eb054aeb9p-28;
  c = c * q + 0x1.f9ce245cada08p-22;
  c = c * q - 0x1.a6d1eef479be1p-16;
  c = c * q + 0x1.e1f5068688d5bp-11;
  c = c * q - 0x1.55d3c7e3cb241p-6;
  c = c * q + 0x1.03c1f081b5ac0p-2;
  c = c * q - 0x1.3bd3cc9be45dep+0;
  cosine = c * q + 1;
}

// The same in single precision, to 2^-26 and 2^-32.
[[gnu::always_inline]] inline void quarter(float t, float& sine, float& cosine) {
  const float q = t * t;
  float s = -0x1.2ee7bcp-8f;
  s = s * q + 0x1.4665e8p-4f;
  s = s * q - 0x1.4abbccp-1f;
  sine = t * (s * q + 0x1.921fb6p+0f);
  float c = 0x1.db6492p-11f;
  c = c * q - 0x1.55cb98p-6f;
  c = c * q + 0x1.03c1eap-2f;
  c = c * q - 0x1.3bd3ccp+0f;
  cosine = c * q + 1;
}

// Rotates (cosine, sine) by a random multiple of 90 degrees given by two bits: `sign`, a sign bit, negates the cosine;
// `swap`, all ones or zero, exchanges the two.
template <class Bits, class T>
[[gnu::always_inline]] inline void turn(Bits swap, Bits sign, T& sine, T& cosine) {
  const Bits s = std::bit_cast<Bits>(sine), c = std::bit_cast<Bits>(cosine) ^ sign, flip = (s ^ c) & swap;
  sine = std::bit_cast<T>(s ^ flip);
  cosine = std::bit_cast<T>(c ^ flip);
}

/// Turns blocks into rows of numbers; row r is number r of each block.
struct Normals {
  static constexpr Word kRange = 0;

  static void rows(const Blocks& blocks, Index count, double* const (&out)[2]) {
    double* __restrict first = out[0];
    double* __restrict second = out[1];
    for (Index i = 0; i < count; ++i) {
      const Word x = blocks.x[i], y = blocks.y[i];
      const double radius = std::sqrt(minus_two_log(open_unit(x)));
      double sine, cosine;
      quarter(open_centred(y), sine, cosine);
      turn(Word{0} - (y & 1), (y << 62) & (Word{1} << 63), sine, cosine);
      first[i] = radius * cosine;
      second[i] = radius * sine;
    }
  }

  static void rows(const Blocks& blocks, Index count, float* const (&out)[4]) {
    pairs<0>(blocks, count, out[0], out[1]);
    pairs<32>(blocks, count, out[2], out[3]);
  }

 private:
  template <int kShift>
  static void pairs(const Blocks& blocks, Index count, float* __restrict first, float* __restrict second) {
    for (Index i = 0; i < count; ++i) {
      const Half x = static_cast<Half>(blocks.x[i] >> kShift), y = static_cast<Half>(blocks.y[i] >> kShift);
      // 31 bits of u and 7 more, which matter where u is small: they give the correct tail.
      const Half low = ((x & 1) << 7) | ((y & 63) << 1) | 1;
      const float u = static_cast<float>(static_cast<std::int32_t>(x >> 1)) * 0x1p-31f +
                      static_cast<float>(static_cast<std::int32_t>(low)) * 0x1p-39f;
      const float radius = std::sqrt(minus_two_log(u));
      const auto odd = static_cast<std::int32_t>(((y >> 5) & 0x1FFFFFE) | 1) - (1 << 24);
      float sine, cosine;
      quarter(static_cast<float>(odd) * 0x1p-25f, sine, cosine);
      turn(Half{0} - ((y >> 30) & 1), y & (Half{1} << 31), sine, cosine);
      first[i] = radius * cosine;
      second[i] = radius * sine;
    }
  }
};

struct Uniforms {
  static constexpr Word kRange = kUniformRange;

  static void rows(const Blocks& blocks, Index count, double* const (&out)[2]) {
    for (int r = 0; r < 2; ++r) {
      const Word* bits = r == 0 ? blocks.x : blocks.y;
      double* __restrict row = out[r];
      for (Index i = 0; i < count; ++i) {
        const double size = open_unit(bits[i]) * 0.5;  // and bit 0 is the sign
        row[i] = std::bit_cast<double>(std::bit_cast<Word>(size) | (bits[i] << 63));
      }
    }
  }

  static void rows(const Blocks& blocks, Index count, float* const (&out)[4]) {
    for (int r = 0; r < 4; ++r) {
      const Word* bits = r % 2 == 0 ? blocks.x : blocks.y;
      const int shift = r < 2 ? 7 : 39;
      float* __restrict row = out[r];
      for (Index i = 0; i < count; ++i) {
        const auto odd = static_cast<std::int32_t>(static_cast<Half>(bits[i] >> shift) & 0x1FFFFFF) | 1;
        row[i] = static_cast<float>(odd - (1 << 24)) * 0x1p-25f;
      }
    }
  }
};

// Numbers of every parameter, a row, and draw, a column.
template <class Kind, class T>
class Draws {
 public:
  Draws(Seed seed, Index first_draw, Index draws, Index first_parameter, Index parameters, T* out)
      : seed_(seed),
        first_draw_(first_draw),
        draws_(draws),
        tiled_(draws - draws % kLanes),
        first_parameter_(first_parameter),
        parameters_(parameters),
        first_block_(first_parameter / kRows),
        blocks_a_draw_((first_parameter + parameters - 1) / kRows + 1 - first_block_),
        out_(out) {}

  void fill() {
    fill_tiles();
    for (Index r = 0; r < kRows; ++r) rows_[r] = spare_[r];
    if (draws_ - tiled_ == 1) fill_last_draw();
    if (draws_ - tiled_ > 1) fill_last_draws();
  }

 private:
  static constexpr Index kRows = std::is_same_v<T, double> ? 2 : 4;

  void set(Index i, Index draw, Index block) {
    blocks_.x[i] = static_cast<Word>(first_draw_ + draw);
    blocks_.y[i] = static_cast<Word>(first_block_ + block) | Kind::kRange;
  }
  void generate(Index count) {
    encrypt(seed_, count, blocks_);
    Kind::rows(blocks_, count, rows_);
  }
  [[nodiscard]] Index row_of(Index block) const { return (first_block_ + block) * kRows - first_parameter_; }
  static Index padded(Index count) { return (count + 15) / 16 * 16; }

  // Whole tiles of draws: lanes are draws, and rows are written in place.
  void fill_tiles() {
    for (Index block = 0; block < blocks_a_draw_ && tiled_ > 0; ++block) {
      for (Index draw = 0; draw < tiled_; draw += kLanes) {
        for (Index i = 0; i < kLanes; ++i) set(i, draw + i, block);
        for (Index r = 0; r < kRows; ++r) {
          const Index row = row_of(block) + r;
          rows_[r] = row >= 0 && row < parameters_ ? out_ + row * draws_ + draw : spare_[r];
        }
        generate(kLanes);
      }
    }
  }

  // A single draw beyond the tiles: lanes are blocks, parameters lie side by side, without scattering.
  void fill_last_draw() {
    for (Index start = 0; start < blocks_a_draw_; start += kLanes) {
      const Index count = std::min(kLanes, blocks_a_draw_ - start), size = padded(count);
      for (Index i = 0; i < size; ++i) set(i, tiled_, start + i);
      generate(size);
      alignas(64) T side_by_side[kRows * kLanes];
      for (Index i = 0; i < size; ++i)
#pragma GCC unroll 4
        for (Index r = 0; r < kRows; ++r) side_by_side[i * kRows + r] = spare_[r][i];
      const Index row = row_of(start), from = std::max<Index>(0, -row), to = std::min(count * kRows, parameters_ - row);
      for (Index i = from; i < to; ++i) out_[(row + i) * draws_ + tiled_] = side_by_side[i];
    }
  }

  // The draws beyond the tiles: lanes run over draws, then over blocks, and rows are scattered.
  void fill_last_draws() {
    const Index untiled = draws_ - tiled_, pending = untiled * blocks_a_draw_;
    for (Index start = 0; start < pending; start += kLanes) {
      const Index count = std::min(kLanes, pending - start), size = padded(count);
      Index block = start / untiled, draw = start % untiled;
      for (Index i = 0; i < size; ++i) {
        set(i, tiled_ + draw, block);
        if (++draw == untiled) draw = 0, ++block;
      }
      generate(size);
      block = start / untiled, draw = start % untiled;
      for (Index i = 0; i < count; ++i) {
        for (Index r = 0; r < kRows; ++r) {
          const Index row = row_of(block) + r;
          if (row >= 0 && row < parameters_) out_[row * draws_ + tiled_ + draw] = spare_[r][i];
        }
        if (++draw == untiled) draw = 0, ++block;
      }
    }
  }

  Seed seed_;
  Index first_draw_, draws_, tiled_, first_parameter_, parameters_, first_block_, blocks_a_draw_;
  T* out_;
  Blocks blocks_;
  alignas(64) T spare_[kRows][kLanes];
  T* rows_[kRows];
};

template <class Kind, class T>
void fill(Seed seed, Index first_draw, Index draws, Index first_parameter, Index parameters, T* out) {
  require(first_draw >= 0 && draws >= 0, "first_draw and draws must be at least 0, got ", first_draw, " and ", draws);
  require(first_parameter >= 0 && parameters >= 0 && first_parameter % 2 == 0,
          "first_parameter must be even and at least 0, parameters at least 0, got ", first_parameter, " and ",
          parameters);
  if (draws > 0 && parameters > 0) Draws<Kind, T>(seed, first_draw, draws, first_parameter, parameters, out).fill();
}

}  // namespace

std::array<std::uint64_t, 2> threefry(Seed key, std::array<std::uint64_t, 2> counter) {
  threefry_block(key[0], key[1], counter[0], counter[1]);
  return counter;
}

void normals(Seed seed, Index first_draw, Index draws, Index first_parameter, Index parameters, double* out) {
  fill<Normals>(seed, first_draw, draws, first_parameter, parameters, out);
}
void normals(Seed seed, Index first_draw, Index draws, Index first_parameter, Index parameters, float* out) {
  fill<Normals>(seed, first_draw, draws, first_parameter, parameters, out);
}
void uniforms(Seed seed, Index first_draw, Index draws, Index first_parameter, Index parameters, double* out) {
  fill<Uniforms>(seed, first_draw, draws, first_parameter, parameters, out);
}
void uniforms(Seed seed, Index first_draw, Index draws, Index first_parameter, Index parameters, float* out) {
  fill<Uniforms>(seed, first_draw, draws, first_parameter, parameters, out);
}

}  // namespace pyrometer::base
