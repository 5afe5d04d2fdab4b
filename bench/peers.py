"""The programs we measure ourselves against, with the plainest configuration that does the same work."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

from bench import wire
from bench.machine import Process, needs

NGINX = """
{user}
worker_processes {workers};
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/nginx.err;
events {{ worker_connections 512; }}
http {{
  access_log off;
  sendfile on;
  tcp_nopush on;
  client_max_body_size 0;
  client_body_temp_path {folder}/t1;
  proxy_temp_path {folder}/t2;
  fastcgi_temp_path {folder}/t3;
  uwsgi_temp_path {folder}/t4;
  scgi_temp_path {folder}/t5;
{servers}
}}
"""
#: A plain file server: the floor.
FILES = """
  server {{
    listen 127.0.0.1:{port};
    location / {{ root {root}; }}
  }}
"""
#: In front of Freehold, as docs/how-to/put-nginx-in-front.md says.
FRONT = """
  upstream hub {{ server 127.0.0.1:{hub_port}; keepalive 32; }}
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://hub;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $http_host;
      proxy_request_buffering off;
      proxy_buffering off;
    }}
    location {location}/ {{
      internal;
      alias {root}/;
      etag off;
      add_header ETag $upstream_http_etag;
      add_header X-Repo-Commit $upstream_http_x_repo_commit;
      add_header X-Linked-Size $upstream_http_x_linked_size;
      add_header X-Linked-ETag $upstream_http_x_linked_etag;
      add_header Content-Security-Policy $upstream_http_content_security_policy;
      add_header X-Content-Type-Options $upstream_http_x_content_type_options;
    }}
  }}
"""
#: git's own server of the smart protocol, as its manual sets it up behind nginx.
GIT = """
  server {{
    listen 127.0.0.1:{port};
    location / {{
      fastcgi_pass unix:{folder}/fcgi.sock;
      fastcgi_param SCRIPT_FILENAME {backend};
      fastcgi_param GIT_PROJECT_ROOT {root};
      fastcgi_param GIT_HTTP_EXPORT_ALL "";
      fastcgi_param PATH_INFO $uri;
      fastcgi_param QUERY_STRING $query_string;
      fastcgi_param REQUEST_METHOD $request_method;
      fastcgi_param CONTENT_TYPE $content_type;
      fastcgi_param HTTP_CONTENT_ENCODING $http_content_encoding;
      fastcgi_param HTTP_GIT_PROTOCOL $http_git_protocol;
      fastcgi_buffering off;
    }}
  }}
"""
REGISTRY = """
version: 0.1
log: {{level: error, accesslog: {{disabled: true}}}}
storage:
  filesystem: {{rootdirectory: {folder}/registry}}
http: {{addr: "127.0.0.1:{port}"}}
"""


def nginx(folder: Path, root: Path) -> tuple[Process, str]:
    """nginx that sends the files below ``root``; returns it and its address."""
    port = wire.free_port()
    return _nginx(folder, FILES.format(port=port, root=root), port)


def nginx_front(folder: Path, port: int, hub_port: int, root: Path, location: str) -> tuple[Process, str]:
    """nginx that passes calls on to the hub and sends the files that the hub names below ``location``."""
    return _nginx(folder, FRONT.format(port=port, hub_port=hub_port, root=root, location=location), port)


def _nginx(folder: Path, servers: str, port: int) -> tuple[Process, str]:
    folder.mkdir(parents=True)
    # Started by root, the workers would run as nobody, who may not enter a temporary folder.
    user = "user root;" if os.geteuid() == 0 else ""
    config = folder / "nginx.conf"
    config.write_text(NGINX.format(folder=folder, servers=servers, user=user, workers=os.cpu_count()))
    program = needs("nginx", "nginx-light")
    process = Process([program, "-e", folder / "nginx.err", "-c", config], log=folder / "log")
    url = f"http://127.0.0.1:{port}"
    process.wait_until(lambda: wire.answers(url))
    return process, url


def git_http_backend(folder: Path, root: Path) -> tuple[Process, str]:
    """``git http-backend`` for the repositories below ``root``, behind nginx and fcgiwrap."""
    wrap = needs("fcgiwrap", "fcgiwrap")
    backend = Path(subprocess.check_output(["git", "--exec-path"], text=True).strip()) / "git-http-backend"
    folder.mkdir(parents=True)
    cgi = Process([wrap, "-c", str(os.cpu_count()), "-s", f"unix:{folder}/fcgi.sock"], log=folder / "cgi.log")
    port = wire.free_port()
    cgi.wait_until(lambda: (folder / "fcgi.sock").exists())
    process, url = _nginx(folder / "nginx", GIT.format(port=port, folder=folder, backend=backend, root=root), port)
    process.stop = _both(process.stop, cgi.stop)  # type: ignore[method-assign]
    return process, url


def _both(one: Callable[[], None], other: Callable[[], None]) -> Callable[[], None]:
    def stop() -> None:
        one()
        other()

    return stop


def registry(folder: Path) -> tuple[Process, str]:
    """Debian's docker-registry on a directory of its own."""
    folder.mkdir(parents=True)
    port = wire.free_port()
    config = folder / "registry.yml"
    config.write_text(REGISTRY.format(folder=folder, port=port))
    process = Process([needs("docker-registry", "docker-registry"), "serve", config], log=folder / "log")
    url = f"http://127.0.0.1:{port}"
    process.wait_until(lambda: wire.answers(f"{url}/v2/"))
    return process, url
