/** Photos above this are made smaller before they travel; below it they go as they are. */
export const AS_IS_BYTES = 10 * 1024 * 1024;
const LONGEST_PX = 2560;
const QUALITY = 0.9;

/**
 * Make a large photo smaller in the browser. A file the browser cannot decode (HEIC on most
 * computers) goes as it is: the server reads more formats than browsers do.
 */
export async function forUpload(file: File): Promise<File> {
  if (file.size <= AS_IS_BYTES) return file;
  let bitmap: ImageBitmap;
  try {
    bitmap = await createImageBitmap(file, { imageOrientation: "from-image" });
  } catch (error) {
    if (error instanceof DOMException) return file;
    throw error;
  }
  const scale = Math.min(1, LONGEST_PX / Math.max(bitmap.width, bitmap.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.round(bitmap.width * scale);
  canvas.height = Math.round(bitmap.height * scale);
  canvas.getContext("2d")?.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  bitmap.close();
  const blob = await new Promise<Blob | null>((resolve) => {
    canvas.toBlob(resolve, "image/jpeg", QUALITY);
  });
  if (!blob || blob.size >= file.size) return file;
  return new File([blob], file.name.replace(/\.\w+$/, ".jpg"), { type: "image/jpeg" });
}
