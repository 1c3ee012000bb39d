// AdamW over many tensors at once, with the gradients' clipping, the conversion to bfloat16 weights and the weights'
// running averages in the same pass over memory. Moments in bfloat16 are rounded up or down at random, drawn by seed,
// step, tensor and element: a step changes the second moment by 1/1000, which rounding to the nearest of bfloat16's 1/256
// would lose (Gupta et al. 2015, arXiv 1502.02551).

typedef Group<64, 2> AdamWGroup;

struct Step
{
    float rate;
    float factor;
    float beta1;
    float beta2;
    float decay;
    float epsilon;
    float correction1;
    float root2;
    float share;
    u32 count;
    u32 place;
};

// The mean over the draws, 16 bits, is the exact value.
__device__ __forceinline__ u32 rounded(float value, u32 draw)
{
    return (__float_as_uint(value) + (draw & 0xffffu)) >> 16;
}

__device__ __forceinline__ float advance(const Step& step, float gradient, float weight, float& first, float& second)
{
    float g = gradient * step.factor;
    first += (1.0f - step.beta1) * (g - first);
    second = step.beta2 * second + (1.0f - step.beta2) * g * g;
    weight -= step.rate * step.decay * weight;
    return weight - step.rate / step.correction1 * first / (sqrtf(second) / step.root2 + step.epsilon);
}

template <bool Whole>
__device__ __forceinline__ void adamw4(
    const AdamWGroup& group, const Step& step, int tensor, u64 seed, int at, int end)
{
    void* first = group.state[0][tensor];
    void* second = group.state[1][tensor];
    float4 w = load4<Whole>(group.master[tensor], at, end);
    float4 m = load4<Whole>(first, !group.narrow_states, at, end);
    float4 v = load4<Whole>(second, !group.narrow_states, at, end);
    float4 g = load4<Whole>(group.gradient[tensor], group.wide, at, end);
    w.x = advance(step, g.x, w.x, m.x, v.x);
    w.y = advance(step, g.y, w.y, m.y, v.y);
    w.z = advance(step, g.z, w.z, m.z, v.z);
    w.w = advance(step, g.w, w.w, m.w, v.w);
    if (group.narrow_states)
    {
        uint4 draw = philox(seed, (u32)at / 4, step.place, step.count, 0);
        uint2 firsts = make_uint2(
            rounded(m.x, draw.x) | rounded(m.y, draw.y) << 16, rounded(m.z, draw.z) | rounded(m.w, draw.w) << 16);
        uint2 seconds = make_uint2(
            rounded(v.x, draw.x >> 16) | rounded(v.y, draw.y >> 16) << 16,
            rounded(v.z, draw.z >> 16) | rounded(v.w, draw.w >> 16) << 16);
        store4<Whole>((u16*)first, at, end, firsts);
        store4<Whole>((u16*)second, at, end, seconds);
    }
    else
    {
        store4<Whole>((float*)first, at, end, m);
        store4<Whole>((float*)second, at, end, v);
    }

    keep4<Whole>(group, tensor, at, end, w, step.share);
}

extern "C" __global__ void adamw(
    AdamWGroup group,
    const float* counts,
    const float* rate,
    const float* norm,
    const float* share,
    u64 seed,
    float limit,
    float beta1,
    float beta2,
    float decay,
    float epsilon)
{
    __shared__ Step shared_step;
    Share block = share_of(group);
    if (threadIdx.x == 0)
    {
        double count = counts[group.place[block.tensor]];
        shared_step.rate = *rate;
        shared_step.factor = clipping(norm, limit);
        shared_step.beta1 = beta1;
        shared_step.beta2 = beta2;
        shared_step.decay = decay;
        shared_step.epsilon = epsilon;
        shared_step.correction1 = (float)(1.0 - pow((double)beta1, count));
        shared_step.root2 = (float)sqrt(1.0 - pow((double)beta2, count));
        shared_step.share = share == 0 ? 0.0f : *share;
        shared_step.count = (u32)count;
        shared_step.place = (u32)group.place[block.tensor];
    }

    __syncthreads();
    Step step = shared_step;
    if (group.gradient[block.tensor] == 0)
    {
        follow(group, block, step.share);
        return;
    }

    for (int at = block.begin + threadIdx.x * 4; at < block.end; at += blockDim.x * 4)
    {
        if (at + 4 <= block.end)
        {
            adamw4<true>(group, step, block.tensor, seed, at, block.end);
        }
        else
        {
            adamw4<false>(group, step, block.tensor, seed, at, block.end);
        }
    }
}
