import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from './run.ts';

/** Files of one certificate and its key. */
export interface CertificateFiles {
  readonly certificate: string;
  readonly key: string;
}

export interface Certificates {
  /** The root, PEM. */
  readonly root: string;
  readonly web: CertificateFiles;
  readonly reviews: CertificateFiles;
}

const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

/** Makes a root and the certificates of the workloads `web` and `reviews` with openssl: ECDSA P-256, SPIFFE IDs, as the mesh's own are. */
export async function makeCertificates(folder: string): Promise<Certificates> {
  const root = { certificate: join(folder, 'root.crt'), key: join(folder, 'root.key') };
  await run([
    'openssl',
    'req',
    '-x509',
    ...KEY,
    '-keyout',
    root.key,
    '-out',
    root.certificate,
    '-days',
    '1',
    '-subj',
    '/CN=bench',
  ]);
  const leaf = async (name: string): Promise<CertificateFiles> => {
    const files = { certificate: join(folder, `${name}.crt`), key: join(folder, `${name}.key`) };
    const extensions = join(folder, `${name}.ext`);
    const request = join(folder, `${name}.csr`);
    await writeFile(extensions, `subjectAltName=critical,URI:spiffe://cluster.local/ns/default/sa/${name}\n`);
    await run(['openssl', 'req', '-new', ...KEY, '-keyout', files.key, '-out', request, '-subj', '/']);
    const issuer = ['-CA', root.certificate, '-CAkey', root.key, '-CAcreateserial', '-days', '1'];
    await run([
      'openssl',
      'x509',
      '-req',
      '-in',
      request,
      ...issuer,
      '-extfile',
      extensions,
      '-out',
      files.certificate,
    ]);
    return files;
  };
  return { root: root.certificate, web: await leaf('web'), reviews: await leaf('reviews') };
}
