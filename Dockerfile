# The daemon in a container, for hosts with NVIDIA GPUs (and without). NVIDIA's container runtime brings the driver.
#   docker build -t gpu-tuned .
#   docker run --gpus all -v gpu-tuned-cache:/var/lib/gpu-tuned -v /run/gpu-tuned:/run/gpu-tuned gpu-tuned
FROM debian:12 AS build
WORKDIR /src
COPY . .
RUN ./scripts/bundle && ./scripts/package build-bundle/bin

FROM debian:12-slim
COPY --from=build /src/build/package/gpu-tuned_*_amd64.deb /tmp/
# The user has a number that does not change between images: volumes belong to it, and Kubernetes wants to know that it is not root.
RUN groupadd --system --gid 990 gpu-tuned \
 && useradd --system --uid 990 --gid 990 --home-dir /var/lib/gpu-tuned --shell /usr/sbin/nologin gpu-tuned
RUN apt-get update && apt-get install -y --no-install-recommends /tmp/gpu-tuned_*_amd64.deb \
 && rm -rf /tmp/gpu-tuned_*_amd64.deb /var/lib/apt/lists/* \
 && install -d -o gpu-tuned -g gpu-tuned -m 0750 /run/gpu-tuned
ENV GPU_TUNED_SOCKET=/run/gpu-tuned/tuned.sock GPU_TUNED_CACHE=/var/lib/gpu-tuned \
    NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility
VOLUME /var/lib/gpu-tuned
USER 990:990
HEALTHCHECK --interval=30s --timeout=5s CMD ["tunectl", "status"]
ENTRYPOINT ["/usr/libexec/gpu-tuned/tuned"]
CMD ["--config", "/etc/gpu-tuned/daemon.json"]
