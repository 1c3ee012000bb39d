namespace Recipes

/// A picture to learn from.
type Picture = {
    /// The file's name without its folder.
    Name: string
    /// The file's full path.
    Path: string
    /// Of the file's bytes, in hexadecimal.
    Sha256: string
    /// Upright, as it is seen.
    Width: int<px>
    Height: int<px>
    /// Mean brightness, 0 to 1: of a mask the share that is white.
    Light: float
    /// What it shows, where pictures have captions of their own.
    Caption: string option
    /// Its hint for a ControlNet: the file's full path, and the SHA-256 of its bytes.
    Hint: (string * string) option
}

/// A file that a sample's hint comes from.
type HintFile = {
    Source: HintSource
    /// The full path.
    Path: string
    Sha256: string
    /// Upright; 0 of keypoints.
    Width: int<px>
    Height: int<px>
}

/// A ControlNet that lies on the disk.
type NetFiles = {
    /// The full path of its folder, or of its one file.
    Path: string
    /// Of its weight files, in hexadecimal.
    Sha256: string
}

/// What the files of a `control` line say.
type internal ControlFacts = {
    Hints: HintFile list
    /// Nothing where it is the one that is trained.
    Net: NetFiles option
}

/// A layer of the base model that an adapter can change.
type BaseLayer = {
    /// `unet` or `text_encoder`.
    Component: string
    /// As in the weight file, without `.weight`.
    Name: string
    In: int
    Out: int
    /// The side of a convolution's kernel; 1 for a linear map.
    Kernel: int
    Biased: bool
} with

    /// `unet.mid_block.attentions.0.proj_in`
    member layer.FullName = $"{layer.Component}.{layer.Name}"

    /// Its weights, the bias included.
    member layer.Parameters =
        int64 layer.In * int64 layer.Out * int64 (layer.Kernel * layer.Kernel)
        + (if layer.Biased then int64 layer.Out else 0L)

/// Where a downloaded base model is from.
type ModelOrigin = {
    Repository: Repository
    /// The commit that the files are of.
    Commit: string
}

/// What the files of the base model say of it.
type internal BaseFacts = {
    /// The folder, or the one file.
    Folder: string
    Origin: ModelOrigin option
    Family: string
    NativeSize: int<px>
    /// Sides of pictures must be a multiple of this.
    Multiple: int<px>
    /// How many pixels one latent stands for along each side: of an upscaler, how many times it enlarges.
    Factor: int
    /// The highest noise level of an upscaler's small pictures.
    HighestNoise: int option
    /// Channels that the UNet takes: 4 for a model that draws from a prompt alone.
    Channels: int
    /// What the UNet predicts: epsilon, v_prediction or sample.
    Prediction: string
    Parameters: int64
    UNetParameters: int64
    /// Of all text encoders.
    TextParameters: int64
    /// The width of the text embeddings.
    TextWidth: int
    /// How many text encoders there are.
    TextEncoders: int
    Layers: BaseLayer list
    /// Of the autoencoder.
    VaeLayers: BaseLayer list
    Sha256: Lazy<string>
}

/// What the base model's tokenizer says.
type internal Tokens = {
    /// Tokens of a prompt, begin and end included.
    MaxLength: int
    /// Entries of the vocabulary.
    Count: int
    /// A prompt's pieces, without begin and end, however many they are.
    Pieces: string -> string list
    /// The entry that is this whole word, if there is one.
    WordId: string -> int option
}

/// A folder of pictures.
type internal PictureFolder = {
    Folder: string
    Pictures: Picture list
    /// Pictures with an alpha channel.
    Transparent: string list
    /// Files that look like captions: `.txt`, `.caption` or `metadata.jsonl`.
    Captions: string list
}

/// All that the checks know beside the recipe: read from files, without libtorch. What could not be read is missing
/// here, and `Problems` says why.
type internal Facts = {
    Base: BaseFacts option
    Tokens: Tokens option
    /// By source, in the order of the draft.
    Folders: PictureFolder option list
    /// By `control` line.
    Controls: ControlFacts option list
    /// Folders of pictures held out, likewise.
    HeldOut: PictureFolder option list
    /// Likewise of masks.
    Masks: PictureFolder option list
    /// Pictures that an upscaler is measured by.
    Measured: PictureFolder option
    /// Free bytes where results go.
    FreeDisk: int64 option
    /// Bytes of memory that a process may have.
    Memory: int64
    /// Bytes of memory of the NVIDIA GPU that the recipe names; nothing where there is none to ask.
    DeviceMemory: int64 option
    Problems: Problem list
}
