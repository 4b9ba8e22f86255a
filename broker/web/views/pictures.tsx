// The pictures and files of one frame: a large one to look at, the others to choose, and where each file is.
import { useState } from "preact/hooks";
import type { Artifact } from "../../contract/attempt.ts";
import type { Addresses } from "../flipbook/addresses.ts";
import { baseName, shownFiles } from "../flipbook/pictures.ts";
import { bytesText } from "../log/words.ts";
import { useLoad, type Loaded } from "./use-load.ts";

/** The address of a picture's bytes; null when the broker does not have them any more. */
function useAddress(addresses: Addresses, sha256: string | undefined): Loaded<string | null> {
  return useLoad(async () => (sha256 === undefined ? null : addresses.of(sha256)), sha256 ?? "");
}

interface FramePicturesProps {
  artifacts: readonly Artifact[];
  addresses: Addresses;
  /** What stands where no picture is. */
  nothing: string;
}

/** The picture of a frame, large; with several, a row to choose from. */
export function FramePictures({ artifacts, addresses, nothing }: FramePicturesProps) {
  const shown = shownFiles(artifacts);
  const [chosen, setChosen] = useState<string | null>(null);
  const [isLarge, setLarge] = useState(false);
  const current = shown.find(({ file }) => file.id === chosen) ?? shown[0];
  const { value: address, error } = useAddress(addresses, current?.full.sha256);
  if (current === undefined) return <div class="shot is-empty">{nothing}</div>;
  const { file, full } = current;
  return (
    <figure class="shot">
      <button
        type="button"
        class={isLarge ? "shot-view is-large" : "shot-view"}
        aria-label={isLarge ? "Fit the picture" : "Show the picture in its own size"}
        aria-pressed={isLarge}
        onClick={() => setLarge(!isLarge)}
      >
        {typeof address === "string" && <img src={address} alt={baseName(file.name)} />}
        {address === null && <span class="shot-note">This picture is not kept here any more.</span>}
        {address === undefined && error !== null && (
          <span class="shot-note">
            The picture did not come: it is asked for again once the broker answers.
          </span>
        )}
      </button>
      <figcaption>
        <span class="shot-name">{baseName(file.name)}</span>
        {file.state === "partial" && <span class="tag is-warning">from a try that did not finish</span>}
        {full.isPreview && <span class="tag">preview</span>}
      </figcaption>
      {shown.length > 1 && (
        <div class="shot-row">
          {shown.map((one) => (
            <Thumbnail
              key={one.file.id}
              addresses={addresses}
              sha256={one.small.sha256}
              name={baseName(one.file.name)}
              isCurrent={one === current}
              onChoose={() => setChosen(one.file.id)}
            />
          ))}
        </div>
      )}
    </figure>
  );
}

function Thumbnail(props: {
  addresses: Addresses;
  sha256: string;
  name: string;
  isCurrent: boolean;
  onChoose: () => void;
}) {
  const { value: address } = useAddress(props.addresses, props.sha256);
  return (
    <button
      type="button"
      class="shot-thumb"
      aria-pressed={props.isCurrent}
      title={props.name}
      onClick={props.onChoose}
    >
      {typeof address === "string" && <img src={address} alt={props.name} loading="lazy" />}
    </button>
  );
}

/** Every file of a frame: how large, and where it is. */
export function FrameFiles({ artifacts }: { artifacts: readonly Artifact[] }) {
  const files = artifacts.filter(({ kind }) => kind === "file");
  if (files.length === 0) return null;
  return (
    <ul class="files">
      {files.map((artifact) => (
        <li key={artifact.id}>
          <span class="files-name" title={artifact.name}>
            {baseName(artifact.name)}
          </span>
          <span class="files-size">{bytesText(artifact.bytes)}</span>
          <span class={artifact.problem === null ? "files-place" : "files-place is-warning"}>
            {placeOf(artifact)}
          </span>
        </li>
      ))}
    </ul>
  );
}

function placeOf({ state, deliveredAt, problem, name, kept, outside }: Artifact): string {
  if (problem !== null) return problem;
  if (state === "partial") return "of a try that did not finish: kept here, not brought home";
  if (deliveredAt !== null) return `home: ${name}`;
  if (outside) return "lies outside the job's folders: not brought home by itself";
  return kept ? "kept here, not home yet" : "not here any more";
}
