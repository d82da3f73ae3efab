// What each role of row_gemm does with a tile of products: whole computing warps. Products lie as mma leaves them:
// d[n] holds rows lane / 4 and 8 further on, of tokens n * 8 + lane % 4 * 2 and the next.
#pragma once

#include "turbosparse/row_gemm_share.cuh"

namespace turbosparse {

template <class C>
using TileProducts = float[C::kTokens / 8][4];

__device__ __forceinline__ int product_row(int half) { return half * 8 + static_cast<int>(threadIdx.x) % 32 / 4; }
__device__ __forceinline__ int product_token(int n, int j) { return n * 8 + static_cast<int>(threadIdx.x) % 4 * 2 + j; }

// fc1: the hidden layer, rounded to the dtype as a checkpoint evaluated in its own dtype does.
template <class C, class Share>
__device__ void write_hidden_layer(const RowGemmArgs& args, const Share& share, const RowPass& pass, int tile,
                                   const TileProducts<C>& d) {
  using Element = typename C::Element;
  auto* out = static_cast<Element*>(args.hidden_layer);
#pragma unroll
  for (int h = 0; h < 2; ++h) {
    const int i = tile * 16 + product_row(h);
    if (i >= pass.count) continue;
#pragma unroll
    for (int n = 0; n < C::kTokens / 8; ++n) {
#pragma unroll
      for (int j = 0; j < 2; ++j) {
        const int t = product_token(n, j);
        if (t < share.token_count(pass)) {
          const int64_t row = static_cast<int64_t>(pass.expert) * args.tokens + share.token(pass, t);
          out[row * args.rows_per_expert + pass.first + i] = from_float<Element>(threshold_relu(d[n][h * 2 + j], 0.0f));
        }
      }
    }
  }
}

// Tokens of a call, one bit each, without padding.
__device__ inline uint64_t real_tokens(const RowGemmArgs& args) {
  uint64_t tokens = 0;
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    const int t = half * 32 + static_cast<int>(threadIdx.x) % 32;
    const bool real = t < args.tokens && (args.padding == nullptr || __ldcg(args.padding + t) == 0);
    tokens |= static_cast<uint64_t>(__ballot_sync(0xffffffffu, real)) << (32 * half);
  }
  return tokens;
}

// select and gate: the token set of each of a tile's rows, of which `tokens` may be members, and the bitmap's bytes.
template <class C, class Share>
__device__ void write_selection(const RowGemmArgs& args, const Share& share, const RowPass& pass, int tile,
                                uint64_t tokens, const TileProducts<C>& d) {
  using Element = typename C::Element;
  const int lane = threadIdx.x % 32;
#pragma unroll
  for (int h = 0; h < 2; ++h) {
    const int i = tile * 16 + product_row(h);
    const int64_t neuron = static_cast<int64_t>(pass.expert) * args.rows_per_expert + pass.first + i;
    uint64_t bits = 0;
#pragma unroll
    for (int n = 0; n < C::kTokens / 8; ++n) {
#pragma unroll
      for (int j = 0; j < 2; ++j) {
        const int t = product_token(n, j);
        if (!share.exists(pass, t)) continue;
        const int token = share.token(pass, t);
        float value = d[n][h * 2 + j];
        if constexpr (C::kRole == Role::select) {
          value = to_float<Element>(from_float<Element>(value));
        } else if (i < pass.count && t < share.token_count(pass)) {
          args.gate_values[neuron * args.tokens + token] = value;
        }
        // A NaN keeps the neuron, so that it shows in the output.
        if (!(value <= args.threshold)) bits |= uint64_t{1} << token;
      }
    }
    bits = i < pass.count ? bits & tokens : 0;
    bits |= __shfl_xor_sync(0xffffffffu, bits, 1);
    bits |= __shfl_xor_sync(0xffffffffu, bits, 2);
    if (lane % 4 == 0 && i < pass.count) args.token_bits[neuron] = bits;
    const uint32_t kept = __ballot_sync(0xffffffffu, bits != 0);
    const int first = pass.first + tile * 16 + h * 8;
    if (lane == 0 && tile * 16 + h * 8 < pass.units * kSelectionUnit) {
      unsigned byte = 0;
#pragma unroll
      for (int b = 0; b < 8; ++b) byte |= (kept >> (4 * b) & 1) << b;
      args.union_bits[static_cast<int64_t>(pass.expert) * 4 * words_per_expert(args.rows_per_expert) + first / 8] =
          static_cast<uint8_t>(byte);
    }
  }
}

// The selections of experts without tokens. `thread` of `threads` of the grid.
template <int kExperts>
__device__ void clear_selections(const RowGemmArgs& args, const unsigned long long* expert_tokens, int thread,
                                 int threads) {
  const int bytes = 4 * words_per_expert(args.rows_per_expert);
  for (int e = 0; e < kExperts; ++e) {
    if (expert_tokens[e] != 0) continue;
    for (int i = thread; i < args.rows_per_expert; i += threads) {
      args.token_bits[static_cast<int64_t>(e) * args.rows_per_expert + i] = 0;
    }
    for (int i = thread; i < bytes; i += threads) args.union_bits[static_cast<int64_t>(e) * bytes + i] = 0;
  }
}

// What the activations of a tile's neurons need besides their products: loaded before those, so that nobody waits.
struct NeuronFacts {
  int row[2];  // expert * intermediate + neuron
  uint64_t tokens[2];
};
template <class C>
__device__ NeuronFacts load_facts(const RowGemmArgs& args, const RowShare<C>& share, const RowPass& pass, int tile) {
  NeuronFacts facts{};
#pragma unroll
  for (int h = 0; h < RowGemmShape<C>::kTileItems / 8; ++h) {
    const int i = tile * RowGemmShape<C>::kTileItems + product_row(h);
    if (i >= pass.count) continue;
    facts.row[h] = share.row(pass, i);
    facts.tokens[h] = __ldcg(args.token_bits + facts.row[h]);
  }
  return facts;
}

// gate_up and up: the activations, cut by the mask and scaled by the routing; 0 of tokens that a pass leaves out.
template <class C>
__device__ void write_activations(const RowGemmArgs& args, const RowShare<C>& share, const RowPass& pass, int tile,
                                  const NeuronFacts& facts, const float* routing_weights, const TileProducts<C>& d) {
  using Element = typename C::Element;
  constexpr bool kBoth = C::kRole == Role::gate_up;
  const int lane = threadIdx.x % 32;
  const int tokens = share.token_count(pass);
  auto* out = static_cast<Element*>(args.activations);
#pragma unroll
  for (int h = 0; h < RowGemmShape<C>::kTileItems / 8; ++h) {
    const int i = tile * RowGemmShape<C>::kTileItems + product_row(h);
    const bool exists = i < pass.count;
    const int64_t rank = share.rank(pass, i);
    const auto activation = [&](int n, int j, int token) {
      float value = 0.0f;
      if ((facts.tokens[h] >> token & 1) != 0) {
        const float gate =
            kBoth ? d[n][j] : __ldcg(args.gate_values + static_cast<int64_t>(facts.row[h]) * args.tokens + token);
        value = combine<C::kActivation>(gate, d[n][kBoth ? 2 + j : h * 2 + j], args.threshold);
        if constexpr (C::kExperts > 1) {
          value *= routing_weights[token * C::kExperts + facts.row[h] / args.rows_per_expert];
        }
      }
      return from_float<Element>(value);
    };
    if constexpr (RowGemmShape<C>::kRouted) {
      for (int n = lane % 4; exists && n < C::kTokens / 8; n += 4) {
        *reinterpret_cast<uint4*>(out + activation_index<C::kTokens>(rank, n)) = uint4{};
      }
      __syncwarp();
    }
#pragma unroll
    for (int n = 0; n < C::kTokens / 8; ++n) {
      Element pair[2];
#pragma unroll
      for (int j = 0; j < 2; ++j) {
        const int t = product_token(n, j);
        pair[j] = from_float<Element>(0.0f);
        if (!exists || t >= tokens) continue;
        const int token = share.token(pass, t);
        pair[j] = activation(n, j, token);
        if constexpr (RowGemmShape<C>::kRouted) {
          out[activation_index<C::kTokens>(rank, token / 8) + token % 8] = pair[j];
        }
      }
      if constexpr (!RowGemmShape<C>::kRouted) {
        if (!exists) continue;
        auto* both = reinterpret_cast<uint32_t*>(out + activation_index<C::kTokens>(rank, n));
        both[lane % 4] = *reinterpret_cast<const uint32_t*>(pair);
      }
    }
  }
}

}  // namespace turbosparse
