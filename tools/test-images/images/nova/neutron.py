"""A Neutron without ports: all that Nova's metadata API asks it is the security groups of an instance."""

import http.server
import json


class Neutron(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        kind = self.path.split('?')[0].rsplit('/', 1)[-1].replace('-', '_')
        body = json.dumps({kind.removesuffix('.json'): []}).encode()
        self.send_response(200)
        self.send_header('Content-Type', 'application/json')
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


http.server.ThreadingHTTPServer(('127.0.0.1', 9696), Neutron).serve_forever()
