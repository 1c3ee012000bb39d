using System.ComponentModel;
using System.Diagnostics;
using System.Text;

namespace Recipes.Core.Pocket;

/// <summary>Draws SVG text to PNG by the program rsvg-convert (librsvg).</summary>
internal static class SvgRenderer
{
    /// <summary>The PNG bytes of an SVG document, <paramref name="side"/> pixels square, transparent where nothing is drawn.</summary>
    /// <exception cref="RecipesException">The program is absent or refuses the document.</exception>
    public static byte[] Render(string svg, int side, string name)
    {
        var start = new ProcessStartInfo("rsvg-convert", ["-w", $"{side}", "-h", $"{side}", "-f", "png"])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using var process = Start(start);
        var errors = process.StandardError.ReadToEndAsync();
        var feeding = Task.Run(() =>
        {
            using var input = process.StandardInput.BaseStream;
            input.Write(Encoding.UTF8.GetBytes(svg));
        });
        using var png = new MemoryStream();
        process.StandardOutput.BaseStream.CopyTo(png);
        process.WaitForExit();
        if (process.ExitCode != 0)
        {
            throw new RecipesException(
                name, $"rsvg-convert failed with exit code {process.ExitCode}: {errors.Result.Trim()}",
                "Check that the package is the pinned one.");
        }

        feeding.Wait();
        return png.ToArray();
    }

    private static Process Start(ProcessStartInfo start)
    {
        try
        {
            return Process.Start(start)!;
        }
        catch (Win32Exception fault)
        {
            throw new RecipesException(
                "rsvg-convert", $"the program cannot be started ({fault.Message})",
                "Install it: `apt-get install librsvg2-bin` on Debian and Ubuntu.", fault);
        }
    }
}
