/** The images of a new video: files, which are sent with it, and URLs. */

import { useState } from 'preact/hooks';
import type { Model } from '../answers.ts';
import { attempt } from '../notices.tsx';
import { Button } from '../parts/button.tsx';
import { DropZone } from '../parts/drop-zone.tsx';
import { type Draft, type NewImage, takesImages } from '../view/draft.ts';

const MOST_IMAGE_BYTES = 10_000_000;
const MOST_IMAGES = 8;

/** As a request carries it, with a picture of it for the page. */
async function readImage(file: File): Promise<NewImage> {
  if (!file.type.startsWith('image/')) throw new Error(`${file.name} is not an image`);
  if (file.size > MOST_IMAGE_BYTES) throw new Error(`${file.name} is larger than 10 MB`);
  const url = await new Promise<string>((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result));
    reader.onerror = () => reject(new Error(`${file.name} cannot be read`));
    reader.readAsDataURL(file);
  });
  return {
    kind: 'bytes',
    name: file.name,
    base64: url.slice(url.indexOf(',') + 1),
    shownUrl: URL.createObjectURL(file),
  };
}

interface ImagesProps {
  readonly draft: Draft;
  readonly model: Model;
  readonly change: (changes: Partial<Draft>) => void;
}

export function Images({ draft, model, change }: ImagesProps) {
  const [url, setUrl] = useState('');
  if (!takesImages(model)) return <p class="soft small">This model takes words alone.</p>;
  const add = (...images: readonly NewImage[]) =>
    change({ images: [...draft.images, ...images].slice(0, MOST_IMAGES) });
  const addFiles = (files: readonly File[]) =>
    attempt(null, async () => add(...(await Promise.all(files.map(readImage)))));
  const addUrl = () => {
    if (!URL.canParse(url)) return;
    add({ kind: 'url', url });
    setUrl('');
  };
  return (
    <fieldset>
      <legend>Images</legend>
      <DropZone
        label="Choose images"
        accept="image/png,image/jpeg,image/webp"
        isMany
        onFiles={(files) => void addFiles(files)}
      >
        or drop them here
      </DropZone>
      <div class="with-button">
        <input
          type="url"
          aria-label="URL of an image"
          placeholder="https://…"
          value={url}
          onInput={({ currentTarget }) => setUrl(currentTarget.value)}
        />
        <Button label="Add URL" disabled={!URL.canParse(url)} onClick={addUrl} />
      </div>
      <ul class="thumbs">
        {draft.images.map((image, index) => (
          <li key={image.kind === 'url' ? image.url : image.shownUrl}>
            {image.kind === 'bytes' ? (
              <img src={image.shownUrl} alt={image.name} />
            ) : (
              <span class="clip">{image.url}</span>
            )}
            <Button
              label="✕"
              class="small"
              aria-label={`Remove image ${index + 1}`}
              onClick={() => change({ images: draft.images.filter((_, each) => each !== index) })}
            />
          </li>
        ))}
      </ul>
    </fieldset>
  );
}
