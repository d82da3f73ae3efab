// A block's share of row_gemm's rows, and the passes in which it works them off.
#pragma once

#include "turbosparse/routing.cuh"
#include "turbosparse/row_gemm_shape.cuh"

namespace turbosparse {

// Rows of one expert, or neurons of the block's list, that are worked on together.
struct RowPass {
  int unit;   // first unit of the share
  int units;  // 0 at the end
  int expert;
  int first;  // row of the expert, or index in the list
  int count;  // rows that exist, from `first` on
};

template <class C>
class RowShare {
 public:
  using Shape = RowGemmShape<C>;
  using Element = typename C::Element;

  // All threads of the block; synchronises. Waits for the kernels before, unless the rows are known without them.
  __device__ RowShare(const RowGemmArgs& args, RowGemmScratch<C>& scratch) : args_(args), scratch_(scratch) {
    if constexpr (Shape::kGathers) {
      wait_for_prerequisites();
      // Only now: the next kernel reads the union before it waits for this one.
      dependents_may_launch();
      ActiveList<Shape::kThreads, C::kExperts> list(args.union_bits, args.rows_per_expert);
      if constexpr (C::kExperts > 1) {
        load_routing_weights<C::kTokens, C::kExperts>(scratch.routing_weights, args.routing, args.tokens);
      }
      list.scan(scratch.warp_totals);
      list.publish(scratch.first_ranks);
      divide(list.total());
      __syncthreads();
      list.for_range(begin_, end_, threadIdx.x, Shape::kThreads,
                     [&](int i, const ActiveNeuron& neuron) { scratch.rows[i] = neuron.row; });
    } else {
      units_per_expert_ = padded_rows() / Shape::kUnit;
      int experts = 1;
      if constexpr (C::kExperts == 1) {
        dependents_may_launch();
      } else {
        wait_for_prerequisites();
        // Only now: the predictor's next kernel reads the routing before it waits for this one.
        dependents_may_launch();
        experts = list_active_experts<C::kExperts>(scratch.active_experts, scratch.expert_tokens, args.routing,
                                                   args.padding, args.tokens);
      }
      divide(experts * units_per_expert_);
    }
    const int units = end_ - begin_;
    const int passes = max(1, (units * Shape::kUnit + Shape::kMaxItems - 1) / Shape::kMaxItems);
    pass_units_ = warp_uniform((units + passes - 1) / passes);
    __syncthreads();
  }

  __device__ RowPass first() const { return pass_at(begin_); }
  __device__ RowPass next(const RowPass& pass) const { return pass_at(pass.unit + pass.units); }

  __device__ static int tiles(const RowPass& pass) { return tiles(pass.units); }
  // Rows of the tiles of the largest pass.
  __device__ int row_capacity() const { return 16 * max(1, tiles(pass_units_)); }

  // Row i of a pass: of neuron weights the neuron, else the row, counted through the experts.
  __device__ int row(const RowPass& pass, int i) const {
    return Shape::kGathers ? scratch_.rows[pass.first + i] : pass.expert * args_.rows_per_expert + pass.first + i;
  }
  // The rank of a gathered pass's neuron in the union.
  __device__ int rank(const RowPass& pass, int i) const { return pass.unit + i; }

  __device__ const Element* tokens(const RowPass& pass) const {
    const auto* x = static_cast<const Element*>(args_.x);
    return C::kRole == Role::select ? x + static_cast<int64_t>(pass.expert) * args_.tokens * args_.depth : x;
  }

 private:
  __device__ static int tiles(int units) { return (units * Shape::kUnit + Shape::kTileItems - 1) / Shape::kTileItems; }
  // Selections go on to the end of the bitmap's last word, so that every byte of it is written.
  __device__ int padded_rows() const {
    return Shape::kSelects ? 32 * words_per_expert(args_.rows_per_expert) : args_.rows_per_expert;
  }
  __device__ void divide(int units) {
    const int share = static_cast<int>(blockIdx.x) / C::kCluster;
    const int shares = static_cast<int>(gridDim.x) / C::kCluster;
    begin_ = warp_uniform(static_cast<int>(static_cast<int64_t>(units) * share / shares));
    end_ = warp_uniform(static_cast<int>(static_cast<int64_t>(units) * (share + 1) / shares));
  }
  __device__ RowPass pass_at(int unit) const {
    RowPass pass{unit, min(end_ - unit, pass_units_), 0, unit - begin_, 0};
    if constexpr (Shape::kGathers) {
      pass.count = pass.units;
    } else {
      const int index = C::kExperts == 1 ? 0 : unit / units_per_expert_;
      const int within = unit - index * units_per_expert_;
      pass.units = min(pass.units, units_per_expert_ - within);
      if constexpr (C::kExperts > 1) pass.expert = pass.units > 0 ? scratch_.active_experts[index] : 0;
      pass.first = within * Shape::kUnit;
      pass.count = max(0, min(pass.units * Shape::kUnit, args_.rows_per_expert - pass.first));
    }
    return pass;
  }

  const RowGemmArgs& args_;
  RowGemmScratch<C>& scratch_;
  int begin_, end_;
  int pass_units_;
  int units_per_expert_ = 0;
};

}  // namespace turbosparse
