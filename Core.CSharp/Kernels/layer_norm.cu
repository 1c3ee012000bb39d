// Layer normalisation of rows [rows, width] in bfloat16, after an optional residual addition, and its gradient.
// One warp takes a row and keeps it in registers: VECTORS groups of eight a lane, so width is at most 256 * VECTORS.

#define LAYER_NORM(VECTORS)                                                                                        \
    extern "C" __global__ void layer_norm_##VECTORS(                                                               \
        const u16* x,                                                                                              \
        const u16* delta,                                                                                          \
        const u16* bias,                                                                                           \
        const u16* weight,                                                                                         \
        const u16* offset,                                                                                         \
        u16* total,                                                                                                \
        u16* y,                                                                                                    \
        float2* moments,                                                                                           \
        long rows,                                                                                                 \
        int width,                                                                                                 \
        float eps)                                                                                                 \
    {                                                                                                              \
        layer_norm<VECTORS>(x, delta, bias, weight, offset, total, y, moments, rows, width, eps);                  \
    }                                                                                                              \
    extern "C" __global__ void layer_norm_backward_##VECTORS(                                                      \
        const u16* x,                                                                                              \
        const u16* weight,                                                                                         \
        const float2* moments,                                                                                     \
        const u16* dy,                                                                                             \
        const u16* dtotal,                                                                                         \
        u16* dx,                                                                                                   \
        long rows,                                                                                                 \
        int width)                                                                                                 \
    {                                                                                                              \
        layer_norm_backward<VECTORS>(x, weight, moments, dy, dtotal, dx, rows, width);                             \
    }

// total = x + delta + bias, y = (total - mean) / deviation * weight + offset. Delta and bias may be absent; without
// both, total is x and not written.
template <int VECTORS>
__device__ __forceinline__ void layer_norm(
    const u16* x,
    const u16* delta,
    const u16* bias,
    const u16* weight,
    const u16* offset,
    u16* total,
    u16* y,
    float2* moments,
    long rows,
    int width,
    float eps)
{
    long row = (long)blockIdx.x * blockDim.y + threadIdx.y;
    if (row >= rows)
    {
        return;
    }

    int lane = threadIdx.x;
    int count = width / 8;
    float value[VECTORS][8];
    float sum = 0.0f;
#pragma unroll
    for (int v = 0; v < VECTORS; v++)
    {
        int index = lane + 32 * v;
        if (index < count)
        {
            load8(x + row * width + index * 8, value[v]);
            if (total != 0)
            {
                float more[8], shift[8];
                load8or0(delta, row * width + index * 8, more);
                load8or0(bias, index * 8, shift);
#pragma unroll
                for (int i = 0; i < 8; i++)
                {
                    value[v][i] = rounded(value[v][i] + (more[i] + shift[i]));
                }

                store8(total + row * width + index * 8, value[v]);
            }

#pragma unroll
            for (int i = 0; i < 8; i++)
            {
                sum += value[v][i];
            }
        }
    }

    float mean = sum_over(sum, 32) / width;
    float squares = 0.0f;
#pragma unroll
    for (int v = 0; v < VECTORS; v++)
    {
        if (lane + 32 * v < count)
        {
#pragma unroll
            for (int i = 0; i < 8; i++)
            {
                float d = value[v][i] - mean;
                squares += d * d;
            }
        }
    }

    float inverse = rsqrtf(sum_over(squares, 32) / width + eps);
    if (moments != 0 && lane == 0)
    {
        moments[row] = make_float2(mean, inverse);
    }

#pragma unroll
    for (int v = 0; v < VECTORS; v++)
    {
        int index = lane + 32 * v;
        if (index < count)
        {
            float scale[8], base[8];
            load8(weight + index * 8, scale);
            load8(offset + index * 8, base);
#pragma unroll
            for (int i = 0; i < 8; i++)
            {
                value[v][i] = (value[v][i] - mean) * inverse * scale[i] + base[i];
            }

            store8(y + row * width + index * 8, value[v]);
        }
    }
}

// dx = (dy * weight - mean(dy * weight) - xhat * mean(dy * weight * xhat)) / deviation + dtotal
template <int VECTORS>
__device__ __forceinline__ void layer_norm_backward(
    const u16* x,
    const u16* weight,
    const float2* moments,
    const u16* dy,
    const u16* dtotal,
    u16* dx,
    long rows,
    int width)
{
    long row = (long)blockIdx.x * blockDim.y + threadIdx.y;
    if (row >= rows)
    {
        return;
    }

    int lane = threadIdx.x;
    int count = width / 8;
    float2 moment = moments[row];
    float xhat[VECTORS][8], scaled[VECTORS][8];
    float sum = 0.0f, product = 0.0f;
#pragma unroll
    for (int v = 0; v < VECTORS; v++)
    {
        int index = lane + 32 * v;
        if (index < count)
        {
            float scale[8];
            load8(x + row * width + index * 8, xhat[v]);
            load8(dy + row * width + index * 8, scaled[v]);
            load8(weight + index * 8, scale);
#pragma unroll
            for (int i = 0; i < 8; i++)
            {
                xhat[v][i] = (xhat[v][i] - moment.x) * moment.y;
                scaled[v][i] *= scale[i];
                sum += scaled[v][i];
                product += scaled[v][i] * xhat[v][i];
            }
        }
    }

    sum = sum_over(sum, 32) / width;
    product = sum_over(product, 32) / width;
#pragma unroll
    for (int v = 0; v < VECTORS; v++)
    {
        int index = lane + 32 * v;
        if (index < count)
        {
            float more[8];
            load8or0(dtotal, row * width + index * 8, more);
#pragma unroll
            for (int i = 0; i < 8; i++)
            {
                xhat[v][i] = moment.y * (scaled[v][i] - sum - xhat[v][i] * product) + more[i];
            }

            store8(dx + row * width + index * 8, xhat[v]);
        }
    }
}

LAYER_NORM(2)
LAYER_NORM(3)
LAYER_NORM(5)
LAYER_NORM(8)
