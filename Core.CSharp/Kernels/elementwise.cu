// Element by element over bfloat16, eight at a time: one thread a vector of eight.

// y = x + first + second + bias + more of each channel; all but x and first may be absent.
extern "C" __global__ void add_bias(
    const u16* x, const u16* first, const u16* second, const u16* bias, const u16* more, u16* y, long count, int width)
{
    long at = ((long)blockIdx.x * blockDim.x + threadIdx.x) * 8;
    if (at >= count)
    {
        return;
    }

    int channel = (int)(at % width);
    float sum[8], a[8], b[8], c[8], d[8];
    load8(x + at, sum);
    load8(first + at, a);
    load8or0(second, at, b);
    load8or0(bias, channel, c);
    load8or0(more, channel, d);
#pragma unroll
    for (int i = 0; i < 8; i++)
    {
        sum[i] += a[i] + b[i] + (c[i] + d[i]);
    }

    store8(y + at, sum);
}

__device__ __forceinline__ float normal_below(float x)
{
    return 0.5f * (1.0f + erff(x * 0.70710678118654752f));
}

// y [rows, width] = a * gelu(g) of x [rows, 2 * width] = (a, g), after adding bias [2 * width] where there is one.
extern "C" __global__ void geglu(const u16* x, const u16* bias, u16* y, long count, int width)
{
    long at = ((long)blockIdx.x * blockDim.x + threadIdx.x) * 8;
    if (at >= count)
    {
        return;
    }

    long row = at / width;
    int column = (int)(at - row * width);
    float a[8], g[8], c[8], d[8];
    load8(x + row * 2 * width + column, a);
    load8(x + row * 2 * width + width + column, g);
    load8or0(bias, column, c);
    load8or0(bias, width + column, d);
#pragma unroll
    for (int i = 0; i < 8; i++)
    {
        float gate = g[i] + d[i];
        a[i] = (a[i] + c[i]) * gate * normal_below(gate);
    }

    store8(y + at, a);
}

extern "C" __global__ void geglu_backward(
    const u16* x, const u16* bias, const u16* dy, u16* dx, long count, int width)
{
    long at = ((long)blockIdx.x * blockDim.x + threadIdx.x) * 8;
    if (at >= count)
    {
        return;
    }

    long row = at / width;
    int column = (int)(at - row * width);
    float a[8], g[8], c[8], d[8], gradient[8];
    load8(x + row * 2 * width + column, a);
    load8(x + row * 2 * width + width + column, g);
    load8or0(bias, column, c);
    load8or0(bias, width + column, d);
    load8(dy + at, gradient);
#pragma unroll
    for (int i = 0; i < 8; i++)
    {
        float gate = g[i] + d[i];
        float below = normal_below(gate);
        float density = 0.39894228040143268f * __expf(-0.5f * gate * gate);
        g[i] = gradient[i] * (a[i] + c[i]) * (below + gate * density);
        a[i] = gradient[i] * gate * below;
    }

    store8(dx + row * 2 * width + column, a);
    store8(dx + row * 2 * width + width + column, g);
}

// Each pixel of x [n, height, width, channels] four times: [n, 2 height, 2 width, channels].
extern "C" __global__ void double_size(const u16* x, u16* y, long count, int height, int width, int channels)
{
    long at = ((long)blockIdx.x * blockDim.x + threadIdx.x) * 8;
    if (at >= count)
    {
        return;
    }

    int channel = (int)(at % channels);
    long pixel = at / channels;
    int column = (int)(pixel % (2 * width));
    long line = pixel / (2 * width);
    int row = (int)(line % (2 * height));
    long picture = line / (2 * height);
    long from = ((picture * height + row / 2) * width + column / 2) * channels + channel;
    *reinterpret_cast<Eight*>(y + at) = *reinterpret_cast<const Eight*>(x + from);
}

// The sum of the four pixels' gradients.
extern "C" __global__ void double_size_backward(
    const u16* dy, u16* dx, long count, int height, int width, int channels)
{
    long at = ((long)blockIdx.x * blockDim.x + threadIdx.x) * 8;
    if (at >= count)
    {
        return;
    }

    int channel = (int)(at % channels);
    long pixel = at / channels;
    int column = (int)(pixel % width);
    long line = pixel / width;
    int row = (int)(line % height);
    long picture = line / height;
    float sum[8];
#pragma unroll
    for (int i = 0; i < 8; i++)
    {
        sum[i] = 0.0f;
    }

#pragma unroll
    for (int corner = 0; corner < 4; corner++)
    {
        long y = picture * 2 * height + 2 * row + corner / 2;
        float part[8];
        load8(dy + (y * 2 * width + 2 * column + corner % 2) * channels + channel, part);
#pragma unroll
        for (int i = 0; i < 8; i++)
        {
            sum[i] += part[i];
        }
    }

    store8(dx + at, sum);
}

// y [rows, a + b] = x [rows, a] beside z [rows, b].
extern "C" __global__ void beside(const u16* x, const u16* z, u16* y, long count, int a, int b)
{
    long at = ((long)blockIdx.x * blockDim.x + threadIdx.x) * 8;
    if (at >= count)
    {
        return;
    }

    long row = at / (a + b);
    int column = (int)(at - row * (a + b));
    const u16* from = column < a ? x + row * a + column : z + row * b + (column - a);
    *reinterpret_cast<Eight*>(y + at) = *reinterpret_cast<const Eight*>(from);
}

// The lower bytes of a value, size of them, count times: what cudaMemset does.
extern "C" __global__ void fill(void* to, u32 value, int size, long count)
{
    for (long at = (long)blockIdx.x * blockDim.x + threadIdx.x; at < count; at += (long)gridDim.x * blockDim.x)
    {
        if (size == 4)
        {
            ((u32*)to)[at] = value;
        }
        else if (size == 2)
        {
            ((u16*)to)[at] = (u16)value;
        }
        else
        {
            ((unsigned char*)to)[at] = (unsigned char)value;
        }
    }
}
