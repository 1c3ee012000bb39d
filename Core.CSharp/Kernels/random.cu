// Random numbers by key and counter alone (Philox). The key lies in memory, so that a recorded graph reads each batch's own;
// the stream tells the uses of a key apart. RandomNumbers.cs has the same functions.

__device__ __forceinline__ uint4 drawn(const u64* key, long draw, u32 stream)
{
    return philox(*key, (u32)draw, stream, 1, (u32)(draw >> 32));
}

// Two standard normal numbers (Box and Muller 1958). Every step but log, sine and cosine is exact or rounded alike on the
// host: a whole number below 2^24 fits a float.
__device__ __forceinline__ float2 normal_pair(u32 first, u32 second)
{
    float even = ((float)(first >> 8) + 0.5f) * 0x1p-24f;
    float radius = sqrtf(-2.0f * logf(even));
    float sine, cosine;
    sincospif((float)(second >> 8) * 0x1p-23f, &sine, &cosine);
    return make_float2(radius * cosine, radius * sine);
}

// Elements 4i to 4i + 3 by the draw i.
extern "C" __global__ void random_normal(float* to, const u64* key, long count, u32 stream)
{
    long draw = (long)blockIdx.x * blockDim.x + threadIdx.x;
    if (draw * 4 >= count)
    {
        return;
    }

    uint4 words = drawn(key, draw, stream);
    float2 low = normal_pair(words.x, words.y);
    float2 high = normal_pair(words.z, words.w);
    float values[4] = {low.x, low.y, high.x, high.y};
    for (int i = 0; i < 4 && draw * 4 + i < count; i++)
    {
        to[draw * 4 + i] = values[i];
    }
}

// Whole numbers from first up to but not including first + span: word × span / 2^32.
extern "C" __global__ void random_below(long* to, const u64* key, long count, u32 stream, u32 span, u32 first)
{
    long draw = (long)blockIdx.x * blockDim.x + threadIdx.x;
    if (draw * 4 >= count)
    {
        return;
    }

    uint4 words = drawn(key, draw, stream);
    u32 values[4] = {words.x, words.y, words.z, words.w};
    for (int i = 0; i < 4 && draw * 4 + i < count; i++)
    {
        to[draw * 4 + i] = (long)first + __umulhi(values[i], span);
    }
}
