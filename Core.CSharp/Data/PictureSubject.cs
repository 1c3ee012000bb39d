namespace Recipes.Core.Data;

/// <summary>A subject that a picture's captions name, and where it is.</summary>
/// <param name="Phrase">The words that name it, such as "sks dog"; a caption that lacks them does not name it.</param>
/// <param name="Mask">A picture of the same size that is white where the subject is.</param>
public sealed record PictureSubject(string Phrase, string Mask);
