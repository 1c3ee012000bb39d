using Recipes.Core;
using Recipes.Core.Imaging;

namespace Recipes.Eval.Grids;

/// <summary>
/// Contact sheets: many pictures on one, with their prompts and seeds. Needs no fonts on the machine.
/// </summary>
public static class Grid
{
    private const int LeastCell = 64;
    private const int MostCell = 2048;
    private const long MostPixels = 200_000_000;

    /// <summary>Writes <see cref="Draw(GridModel)"/> as PNG, with the texts given in its header.</summary>
    public static void Write(string path, GridModel model, IReadOnlyDictionary<string, string>? text = null) =>
        ImageFile.WritePng(path, Draw(model), text);

    /// <summary>A table of pictures: prompts and seeds at the left, headings on top.</summary>
    /// <exception cref="RecipesException">
    /// No row or column, a row of another length, or more than 200 megapixels.
    /// </exception>
    public static Image Draw(GridModel model)
    {
        Check(model);
        var cell = Cell(model.Cell, model.Rows.SelectMany(row => row.Images));
        var measure = new Measure(cell);
        var columns = model.Columns.Count;
        var label = Math.Max(cell * 4 / 5, (int)(measure.Capital * 14));
        var left = measure.Margin + label + measure.Gap;
        var width = left + columns * cell + (columns - 1) * measure.Gap + measure.Margin;
        var textWidth = width - 2 * measure.Margin;
        var title = model.Title is null ? [] : Sheet.Wrap(model.Title, measure.Title, textWidth, 2);
        var (thumbnail, abreast) = Strip(model.References.Count, width - measure.Margin - left, cell, measure.Gap / 2);
        var strips = (model.References.Count + abreast - 1) / abreast;

        var titleHeight = title.Count == 0 ? 0 : title.Count * Sheet.LineHeight(measure.Title) + measure.Gap;
        var referencesHeight = strips == 0 ? 0 : strips * (thumbnail + measure.Gap / 2) + measure.Gap;
        var head = measure.Margin + titleHeight + referencesHeight;
        var top = head + Sheet.LineHeight(measure.Capital) + measure.Gap / 2;
        var height = top + model.Rows.Count * (cell + measure.Gap) - measure.Gap + measure.Margin;
        using var sheet = Page(width, height);

        for (var i = 0; i < title.Count; i++)
        {
            var y = measure.Margin + measure.Title + i * Sheet.LineHeight(measure.Title);
            sheet.Text(title[i], measure.Margin, y, measure.Title, Ink.Strong);
        }

        for (var i = 0; i < model.References.Count; i++)
        {
            var x = left + i % abreast * (thumbnail + measure.Gap / 2);
            var y = measure.Margin + titleHeight + i / abreast * (thumbnail + measure.Gap / 2);
            sheet.Picture(model.References[i], x, y, thumbnail);
        }

        if (strips > 0)
        {
            var y = measure.Margin + titleHeight;
            Lines(sheet, measure, model.ReferencesLabel, null, measure.Margin, y, label, thumbnail);
        }

        for (var column = 0; column < columns; column++)
        {
            var heading = Sheet.Fit(model.Columns[column], measure.Capital, cell);
            var x = left + column * (cell + measure.Gap);
            sheet.Text(heading, x, head + measure.Capital, measure.Capital, Ink.Strong);
        }

        for (var row = 0; row < model.Rows.Count; row++)
        {
            var y = top + row * (cell + measure.Gap);
            Lines(sheet, measure, model.Rows[row].Label, model.Rows[row].Detail, measure.Margin, y, label, cell);
            for (var column = 0; column < columns; column++)
            {
                sheet.Picture(model.Rows[row].Images[column], left + column * (cell + measure.Gap), y, cell);
            }
        }

        return sheet.ToImage();
    }

    /// <summary>A contact sheet: pictures in reading order, each over its caption.</summary>
    /// <param name="pictures">The pictures with their captions.</param>
    /// <param name="columns">Pictures abreast, at least 1.</param>
    /// <param name="title">A heading, or none.</param>
    /// <param name="cell">Side of a cell in pixels; null takes the largest picture's side, doubled while below
    /// 192.</param>
    /// <exception cref="RecipesException">No picture, no column, or more than 200 megapixels.</exception>
    public static Image Contact(IReadOnlyList<Captioned> pictures, int columns, string? title = null, int? cell = null)
    {
        if (pictures.Count == 0 || columns < 1)
        {
            throw new RecipesException(
                "contact sheet", $"{pictures.Count} pictures in {columns} columns", "Give at least one of each.");
        }

        var side = Cell(cell, pictures.Select(picture => picture.Image));
        var measure = new Measure(side);
        columns = Math.Min(columns, pictures.Count);
        var line = Sheet.LineHeight(measure.Capital);
        var lines = pictures.Max(picture =>
            Sheet.Wrap(picture.Caption, measure.Capital, side, 3).Count + (picture.Detail is null ? 0 : 1));
        var pitch = side + measure.Lead + lines * line + measure.Gap;
        var width = 2 * measure.Margin + columns * (side + measure.Gap) - measure.Gap;
        var titles = title is null ? [] : Sheet.Wrap(title, measure.Title, width - 2 * measure.Margin, 2);
        var titleHeight = titles.Count == 0 ? 0 : titles.Count * Sheet.LineHeight(measure.Title) + measure.Gap;
        var top = measure.Margin + titleHeight;
        var rows = (pictures.Count + columns - 1) / columns;
        using var sheet = Page(width, top + rows * pitch - measure.Gap + measure.Margin);
        for (var i = 0; i < titles.Count; i++)
        {
            var y = measure.Margin + measure.Title + i * Sheet.LineHeight(measure.Title);
            sheet.Text(titles[i], measure.Margin, y, measure.Title, Ink.Strong);
        }

        for (var i = 0; i < pictures.Count; i++)
        {
            var (x, y) = (measure.Margin + i % columns * (side + measure.Gap), top + i / columns * pitch);
            sheet.Picture(pictures[i].Image, x, y, side);
            Lines(
                sheet,
                measure,
                pictures[i].Caption,
                pictures[i].Detail,
                x,
                y + side + measure.Lead,
                side,
                lines * line);
        }

        return sheet.ToImage();
    }

    /// <summary>
    /// Side and number abreast of the references: one row of them while they stay at least a quarter cell.
    /// </summary>
    private static (int Side, int Abreast) Strip(int count, int width, int cell, int gap)
    {
        var fitting = count == 0 ? cell : (width + gap) / count - gap;
        var side = Math.Clamp(fitting, cell / 4, cell / 2);
        return (side, Math.Max(1, (width + gap) / (side + gap)));
    }

    /// <summary>
    /// A caption from the top of its place, cut to the height there is, with the small print under it.
    /// </summary>
    private static void Lines(
        Sheet sheet, Measure measure, string caption, string? detail, int x, int y, int width, int height)
    {
        var line = Sheet.LineHeight(measure.Capital);
        var most = Math.Max(1, height / line - (detail is null ? 0 : 1));
        var at = y + measure.Capital;
        foreach (var text in Sheet.Wrap(caption, measure.Capital, width, most))
        {
            sheet.Text(text, x, at, measure.Capital, Ink.Plain);
            at += line;
        }

        if (detail is not null)
        {
            sheet.Text(Sheet.Fit(detail, measure.Small, width), x, at, measure.Small, Ink.Soft);
        }
    }

    private static int Cell(int? asked, IEnumerable<Image> images)
    {
        var largest = images.Max(image => Math.Max(image.Width, image.Height));
        var cell = asked ?? largest;
        while (asked is null && cell < 192)
        {
            cell *= 2;
        }

        return cell is >= LeastCell and <= MostCell
            ? cell
            : throw new RecipesException(
                "grid",
                $"a cell of {cell} px is outside {LeastCell} to {MostCell} px",
                "Set Cell to a side between them.");
    }

    private static Sheet Page(int width, int height) =>
        (long)width * height <= MostPixels
            ? new Sheet(width, height)
            : throw new RecipesException(
                "grid",
                $"{width} x {height} px are more than {MostPixels / 1_000_000} megapixels",
                "Set a smaller Cell, or draw several sheets.");

    private static void Check(GridModel model)
    {
        if (model.Columns.Count == 0 || model.Rows.Count == 0)
        {
            throw new RecipesException(
                "grid", $"{model.Rows.Count} rows and {model.Columns.Count} columns", "Give at least one of each.");
        }

        for (var row = 0; row < model.Rows.Count; row++)
        {
            if (model.Rows[row].Images.Count != model.Columns.Count)
            {
                throw new RecipesException(
                    $"grid, row {row + 1}",
                    $"it has {model.Rows[row].Images.Count} pictures for {model.Columns.Count} columns",
                    "Give every row one picture a column.");
            }
        }
    }

    /// <summary>Distances and letter heights in pixels, in proportion to the cell.</summary>
    private readonly record struct Measure(int Cell)
    {
        public float Capital => MathF.Max(8, Cell * 0.044f);

        public float Small => Capital * 0.85f;

        public float Title => Capital * 1.45f;

        public int Gap => Math.Max(6, Cell / 18);

        /// <summary>From a picture down to the capitals of its caption.</summary>
        public int Lead => (int)Capital;

        public int Margin => Math.Max(16, Cell / 9);
    }
}
