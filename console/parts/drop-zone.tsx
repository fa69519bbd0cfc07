/** A place where files are dropped, with a button that chooses them for those who do not drag. */

import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';

export interface DropZoneProps {
  /** What the button says. */
  readonly label: string;
  /** As an input of files takes it. */
  readonly accept: string;
  readonly isMany?: boolean;
  /** Where it is what the screen is for. */
  readonly isMain?: boolean;
  readonly onFiles: (files: readonly File[]) => void;
  /** What may be dropped. */
  readonly children: ComponentChildren;
}

export function DropZone({ label, accept, isMany = false, isMain = false, onFiles, children }: DropZoneProps) {
  const [isOver, setOver] = useState(false);
  const take = (files: FileList | null | undefined) => {
    if (files != null && files.length > 0) onFiles([...files]);
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: a second way beside the button in it
    <div
      class={`drop${isMain ? ' tall' : ''}${isOver ? ' over' : ''}`}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        event.preventDefault();
        setOver(false);
        take(event.dataTransfer?.files);
      }}
    >
      <label class={isMain ? 'button primary' : 'button'}>
        {label}
        <input
          type="file"
          accept={accept}
          multiple={isMany}
          class="unseen"
          onChange={({ currentTarget }) => {
            take(currentTarget.files);
            // The same file may be chosen once more.
            currentTarget.value = '';
          }}
        />
      </label>
      <span class="soft">{children}</span>
    </div>
  );
}
