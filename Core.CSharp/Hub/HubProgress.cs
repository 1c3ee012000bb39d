namespace Recipes.Core.Hub;

/// <summary>How a download stands.</summary>
/// <param name="File">The file that is being fetched.</param>
/// <param name="Number">Its number among the files to fetch, from 1.</param>
/// <param name="Files">The files to fetch.</param>
/// <param name="Bytes">Bytes of all files that are there.</param>
/// <param name="Total">Bytes of all files.</param>
/// <param name="BytesPerSecond">The mean rate since the download began; 0 before the first byte.</param>
public sealed record HubProgress(
    string File, int Number, int Files, long Bytes, long Total, double BytesPerSecond);
