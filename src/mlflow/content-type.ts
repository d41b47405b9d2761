/** Types as MLflow gives them: text files as text/plain whatever they hold, then by extension, else bytes. Always sent as attachments. */
const TEXT = new Set(
  "txt log err cfg conf cnf cf ini properties prop hocon toml yaml yml xml json js py py3 csv tsv md rst MLmodel MLproject".split(
    " ",
  ),
);
const BY_EXTENSION: Readonly<Record<string, string>> = {
  avi: "video/x-msvideo",
  bmp: "image/bmp",
  c: "text/plain",
  css: "text/css",
  doc: "application/msword",
  gif: "image/gif",
  h: "text/plain",
  h5: "application/x-hdf5",
  hdf: "application/x-hdf",
  htm: "text/html",
  html: "text/html",
  ico: "image/vnd.microsoft.icon",
  jpeg: "image/jpeg",
  jpg: "image/jpeg",
  mp3: "audio/mpeg",
  mp4: "video/mp4",
  mpeg: "video/mpeg",
  pdf: "application/pdf",
  png: "image/png",
  pyc: "application/x-python-code",
  sh: "application/x-sh",
  svg: "image/svg+xml",
  tar: "application/x-tar",
  tex: "application/x-tex",
  tgz: "application/x-tar",
  tif: "image/tiff",
  tiff: "image/tiff",
  wav: "audio/x-wav",
  webm: "video/webm",
  webp: "image/webp",
  xls: "application/vnd.ms-excel",
  zip: "application/zip",
};

export function contentTypeOf(name: string): string {
  const dot = name.lastIndexOf(".");
  const extension = dot > 0 ? name.slice(dot + 1) : name;
  if (TEXT.has(extension)) return "text/plain";
  // "a.tar.gz" is a tar, packed: the type is that of the name without its packing.
  const packed = /^.+\.([^.]+)\.(gz|bz2|xz|z|br)$/i.exec(name)?.[1];
  return BY_EXTENSION[(packed ?? extension).toLowerCase()] ?? "application/octet-stream";
}
