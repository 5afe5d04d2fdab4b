# A hub in one container: docs/how-to/run-in-a-container.md. With PACKAGES=ray also a node of a Ray cluster, and with
# PACKAGES=hub one that runs no models itself: a file of requirements/, with hashes.
ARG BASE=python:3.11-slim
FROM $BASE
ARG PACKAGES=serve
# git for its transport; libgomp1 is what llama.cpp needs of the system.
RUN apt-get update && apt-get install --yes --no-install-recommends git libgomp1 && rm -rf /var/lib/apt/lists/*
ENV PIP_ROOT_USER_ACTION=ignore PIP_NO_CACHE_DIR=1
# The secret `pip` is a pip.conf, for whoever has an index of their own; without one pip does as it always does.
COPY requirements/$PACKAGES.txt /freehold/requirements/
RUN --mount=type=secret,id=pip,target=/etc/pip.conf \
    pip install --require-hashes -r /freehold/requirements/$PACKAGES.txt
COPY . /freehold
RUN --mount=type=secret,id=pip,target=/etc/pip.conf pip install --no-deps /freehold
RUN useradd --uid 1000 --create-home freehold && install -d -o freehold -g freehold /data
USER freehold
ENV FREEHOLD_DATA=/data FREEHOLD_HOST=0.0.0.0
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=30s --start-period=120s CMD python -c "import os, urllib.request as web; \
    web.urlopen('http://127.0.0.1:' + os.environ.get('FREEHOLD_PORT', '8000') + '/health', timeout=5)"
CMD ["freehold", "serve"]
