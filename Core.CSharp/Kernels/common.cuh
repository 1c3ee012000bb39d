// Bfloat16 in vectors of eight (16 bytes), computed in float32. Written without CUDA's headers, which the machine that
// compiles this at run time need not have.

typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

struct __align__(16) Eight
{
    u32 pair[4];
};

__device__ __forceinline__ void unpack(const Eight& from, float* to)
{
#pragma unroll
    for (int i = 0; i < 4; i++)
    {
        to[2 * i] = __uint_as_float(from.pair[i] << 16);
        to[2 * i + 1] = __uint_as_float(from.pair[i] & 0xffff0000u);
    }
}

__device__ __forceinline__ void load8(const u16* from, float* to)
{
    unpack(*reinterpret_cast<const Eight*>(from), to);
}

// Zeros where there is nothing to load.
__device__ __forceinline__ void load8or0(const u16* from, long offset, float* to)
{
    if (from != 0)
    {
        load8(from + offset, to);
    }
    else
    {
#pragma unroll
        for (int i = 0; i < 8; i++)
        {
            to[i] = 0.0f;
        }
    }
}

__device__ __forceinline__ float load1or0(const u16* from, long offset)
{
    return from != 0 ? __uint_as_float((u32)from[offset] << 16) : 0.0f;
}

__device__ __forceinline__ u32 pack2(float low, float high)
{
    u32 both;
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(both) : "f"(high), "f"(low));
    return both;
}

__device__ __forceinline__ void store8(u16* to, const float* from)
{
    Eight all;
#pragma unroll
    for (int i = 0; i < 4; i++)
    {
        all.pair[i] = pack2(from[2 * i], from[2 * i + 1]);
    }

    *reinterpret_cast<Eight*>(to) = all;
}

// To what the value will be once it is stored.
__device__ __forceinline__ float rounded(float value)
{
    return __uint_as_float(pack2(value, 0.0f) << 16);
}

__device__ __forceinline__ float sum_over(float value, int lanes)
{
    for (int mask = lanes / 2; mask > 0; mask /= 2)
    {
        value += __shfl_xor_sync(0xffffffffu, value, mask);
    }

    return value;
}

// Philox4x32-10 (Salmon et al. 2011): four words by key and counter alone. Philox.cs has the same function.
__device__ __forceinline__ uint4 philox(u64 key, u32 first, u32 second, u32 third, u32 fourth)
{
    u32 low = (u32)key, high = (u32)(key >> 32);
#pragma unroll
    for (int round = 0; round < 10; round++)
    {
        u32 a = 0xD2511F53u * first, b = 0xCD9E8D57u * third;
        u32 above_a = __umulhi(0xD2511F53u, first), above_b = __umulhi(0xCD9E8D57u, third);
        first = above_b ^ second ^ low;
        second = b;
        third = above_a ^ fourth ^ high;
        fourth = a;
        low += 0x9E3779B9u;
        high += 0xBB67AE85u;
    }

    return make_uint4(first, second, third, fourth);
}
