// Many tensors of one optimiser's step in one launch. They lie in the kernel's parameters, so that a recorded graph keeps
// them; TensorGroup.cs fills them in. Each block works on one span of one tensor, each thread on four numbers at a time.

template <int Tensors, int States>
struct Group
{
    u16* narrow[Tensors];
    float* master[Tensors];
    const void* gradient[Tensors];
    float* average[Tensors];
    void* state[States][Tensors];
    int elements[Tensors];
    int start[Tensors];
    int place[Tensors];
    int tensors;
    int wide;
    int narrow_states;
    int span;
};

struct Share
{
    int tensor;
    int begin;
    int end;
};

// What this block works on.
template <class Tensors>
__device__ __forceinline__ Share share_of(const Tensors& group)
{
    Share share;
    share.tensor = 0;
    while (share.tensor + 1 < group.tensors && group.start[share.tensor + 1] <= (int)blockIdx.x)
    {
        share.tensor++;
    }

    share.begin = ((int)blockIdx.x - group.start[share.tensor]) * group.span;
    share.end = min(group.elements[share.tensor], share.begin + group.span);
    return share;
}

// The factor that limits the gradients' joint norm; without a norm nothing is limited.
__device__ __forceinline__ float clipping(const float* norm, float limit)
{
    return norm == 0 ? 1.0f : fminf(1.0f, limit / (*norm + 1e-6f));
}

__device__ __forceinline__ float4 widened(uint2 pairs)
{
    return make_float4(
        __uint_as_float(pairs.x << 16),
        __uint_as_float(pairs.x & 0xffff0000u),
        __uint_as_float(pairs.y << 16),
        __uint_as_float(pairs.y & 0xffff0000u));
}

__device__ __forceinline__ float widened(u16 value)
{
    return __uint_as_float((u32)value << 16);
}

// Four numbers of float32; where they are not whole, zeros from the end on.
template <bool Whole>
__device__ __forceinline__ float4 load4(const float* from, int at, int end)
{
    if (Whole)
    {
        return *reinterpret_cast<const float4*>(from + at);
    }

    return make_float4(
        at < end ? from[at] : 0.0f,
        at + 1 < end ? from[at + 1] : 0.0f,
        at + 2 < end ? from[at + 2] : 0.0f,
        at + 3 < end ? from[at + 3] : 0.0f);
}

// The same of bfloat16.
template <bool Whole>
__device__ __forceinline__ float4 load4(const u16* from, int at, int end)
{
    if (Whole)
    {
        return widened(*reinterpret_cast<const uint2*>(from + at));
    }

    return make_float4(
        at < end ? widened(from[at]) : 0.0f,
        at + 1 < end ? widened(from[at + 1]) : 0.0f,
        at + 2 < end ? widened(from[at + 2]) : 0.0f,
        at + 3 < end ? widened(from[at + 3]) : 0.0f);
}

template <bool Whole>
__device__ __forceinline__ float4 load4(const void* from, int wide, int at, int end)
{
    return wide ? load4<Whole>((const float*)from, at, end) : load4<Whole>((const u16*)from, at, end);
}

template <bool Whole>
__device__ __forceinline__ void store4(float* to, int at, int end, float4 value)
{
    if (Whole)
    {
        *reinterpret_cast<float4*>(to + at) = value;
        return;
    }

    float each[4] = {value.x, value.y, value.z, value.w};
#pragma unroll
    for (int i = 0; i < 4; i++)
    {
        if (at + i < end)
        {
            to[at + i] = each[i];
        }
    }
}

// Two numbers of bfloat16 in each word, the first one low.
template <bool Whole>
__device__ __forceinline__ void store4(u16* to, int at, int end, uint2 pairs)
{
    if (Whole)
    {
        *reinterpret_cast<uint2*>(to + at) = pairs;
        return;
    }

    u32 each[4] = {pairs.x, pairs.x >> 16, pairs.y, pairs.y >> 16};
#pragma unroll
    for (int i = 0; i < 4; i++)
    {
        if (at + i < end)
        {
            to[at + i] = (u16)each[i];
        }
    }
}

// Puts new weights in place, and has their average follow them and the weights in bfloat16 be theirs.
template <bool Whole, class Tensors>
__device__ __forceinline__ void keep4(const Tensors& group, int tensor, int at, int end, float4 weight, float share)
{
    store4<Whole>(group.master[tensor], at, end, weight);
    float* average = group.average[tensor];
    if (average != 0)
    {
        float4 a = load4<Whole>(average, at, end);
        a.x += share * (weight.x - a.x);
        a.y += share * (weight.y - a.y);
        a.z += share * (weight.z - a.z);
        a.w += share * (weight.w - a.w);
        store4<Whole>(average, at, end, a);
    }

    u16* narrow = group.narrow[tensor];
    if (narrow != 0)
    {
        store4<Whole>(narrow, at, end, make_uint2(pack2(weight.x, weight.y), pack2(weight.z, weight.w)));
    }
}

// A weight without a gradient stays as it is in this step: its average alone follows.
template <class Tensors>
__device__ __forceinline__ void follow(const Tensors& group, const Share& block, float share)
{
    const float* master = group.master[block.tensor];
    float* average = group.average[block.tensor];
    for (int i = block.begin + threadIdx.x; i < block.end; i += blockDim.x)
    {
        average[i] += share * (master[i] - average[i]);
    }
}
