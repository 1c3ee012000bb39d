// y = x / (1 - share) where a draw keeps the element, 0 elsewhere: element i by word i mod 4 of the draw whose counter
// begins with i / 4. The key lies in memory, so that a recorded graph reads each pass's own.
extern "C" __global__ void dropout(
    const u16* x, const float* wide_x, u16* y, float* wide_y, const u64* key, long count, u32 number, u32 least, float scale)
{
    long at = ((long)blockIdx.x * blockDim.x + threadIdx.x) * 8;
    if (at >= count)
    {
        return;
    }

    u64 stream = *key;
    uint4 low = philox(stream, (u32)(at / 4), number, 0, 0);
    uint4 high = philox(stream, (u32)(at / 4 + 1), number, 0, 0);
    u32 draws[8] = {low.x, low.y, low.z, low.w, high.x, high.y, high.z, high.w};
    if (x != 0 && at + 8 <= count)
    {
        float values[8];
        load8(x + at, values);
#pragma unroll
        for (int i = 0; i < 8; i++)
        {
            values[i] = draws[i] >= least ? values[i] * scale : 0.0f;
        }

        store8(y + at, values);
        return;
    }

    for (int i = 0; i < 8 && at + i < count; i++)
    {
        float value = x != 0 ? __uint_as_float((u32)x[at + i] << 16) : wide_x[at + i];
        value = draws[i] >= least ? value * scale : 0.0f;
        if (x != 0)
        {
            y[at + i] = (u16)pack2(value, 0.0f);
        }
        else
        {
            wide_y[at + i] = value;
        }
    }
}
