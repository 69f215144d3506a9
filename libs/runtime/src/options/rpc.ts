import { z } from 'zod';
import { endpoints, int, str } from '../config/oslo-types.ts';
import { allOrNone } from './checks.ts';

export const rpc = z
  .object({
    identity_endpoints: endpoints()
      .default(['127.0.0.1:8781'])
      .describe('Where the identity processes listen. Calls go to any of them that is up.'),
    vendordata_endpoints: endpoints()
      .default(['127.0.0.1:8782'])
      .describe('Where the vendordata processes listen. Calls go to any of them that is up.'),
    instances_endpoints: endpoints()
      .default([])
      .describe(
        'Where the instances processes listen. Empty: there are none, and with them neither a boot API nor answers for guests.',
      ),
    instances_data_endpoints: endpoints()
      .default(['127.0.0.1:8784'])
      .describe('Where the instances processes give config drives, their `data_listen`.'),
    images_endpoints: endpoints()
      .default([])
      .describe('Where the images processes listen. Empty: there are none, and no Image API.'),
    images_data_endpoints: endpoints()
      .default(['127.0.0.1:8786'])
      .describe('Where the images processes take and give image data, their `data_listen`.'),
    cert_file: str()
      .optional()
      .describe(
        'File with the certificate of this process, shown to clients and servers. With `key_file` and `ca_file`: mutual TLS; not set: none, for loopback only.',
      ),
    key_file: str().optional().describe('File with the key of that certificate.'),
    ca_file: str()
      .optional()
      .describe('File with the certificate authority that signs the certificates of all processes.'),
    connections: int({ min: 1 })
      .default(1)
      .describe('HTTP/2 connections that a process keeps to each endpoint.'),
  })
  .superRefine(...allOrNone('cert_file', 'key_file', 'ca_file'))
  .describe('How the processes of Hallmark reach each other.');
