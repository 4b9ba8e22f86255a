// Names that people and machines give, as the broker takes them: whoever prints one must not be steered by it.
import { z } from "zod";

/** No control character: they move cursors, rename windows, and begin new lines where one line is shown. */
// oxlint-disable-next-line no-control-regex -- these are what it is about
export const withoutControls = /^[^\u0000-\u001f\u007f-\u009f]*$/;

/** A text of one line, at most so many characters long. */
export const lineSchema = (longest: number) => z.string().max(longest).regex(withoutControls);

/** A name of one line. */
export const nameSchema = (longest: number) => lineSchema(longest).min(1);
