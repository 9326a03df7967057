import { type Document, LineCounter, parseDocument } from 'yaml';
import { lineOf, plainOf, whyNoYaml } from '../../manager/model/util/yaml.ts';

/** The text of a YAML file, which knows the line of each field. */
export class Source {
  readonly value: unknown;
  readonly #document: Document;
  readonly #lines = new LineCounter();

  /** @throws {Error} with file and line when it is not YAML. */
  constructor(text: string, file: string) {
    this.#document = parseDocument(text, { lineCounter: this.#lines, prettyErrors: false });
    const broken = this.#document.errors[0];
    if (broken) throw new Error(`${file}:${this.#lines.linePos(broken.pos[0]).line}: ${whyNoYaml(broken)}`);
    this.value = plainOf(this.#document, why => new Error(`${file}:1: ${why}`));
  }

  /** The line of a field such as `services[0].ports[1].number`, or of the nearest thing around it that is there. */
  lineOf(path: string): number {
    return lineOf(this.#document, this.#lines, path);
  }
}
