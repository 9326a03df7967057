import { type Document, LineCounter, parseDocument } from 'yaml';

/** The text of a YAML file, which knows the line of each field. */
export class Source {
  readonly value: unknown;
  readonly #document: Document;
  readonly #lines = new LineCounter();

  /** @throws {Error} with file and line when it is not YAML. */
  constructor(text: string, file: string) {
    this.#document = parseDocument(text, { lineCounter: this.#lines, prettyErrors: false });
    const broken = this.#document.errors[0];
    if (broken) throw new Error(`${file}:${this.#lines.linePos(broken.pos[0]).line}: ${broken.message}`);
    this.value = this.#document.toJS();
  }

  /** The line of a field such as `services[0].ports[1].number`, or of the nearest thing around it that is there. */
  lineOf(path: string): number {
    const steps = path.split(/[.[\]]+/).filter(step => step !== '');
    for (let depth = steps.length; depth >= 0; depth -= 1) {
      const keys = steps.slice(0, depth).map(step => (/^\d+$/.test(step) ? Number(step) : step));
      const node = this.#document.getIn(keys, true) as { range?: readonly number[] | null } | null | undefined;
      const start = node?.range?.[0];
      if (start !== undefined) return this.#lines.linePos(start).line;
    }
    return 1;
  }
}
