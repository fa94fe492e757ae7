# The daemon for hosts with NVIDIA GPUs (run with --gpus all; the driver comes with the container toolkit) or none:
#   docker build -t gpu-tuned --build-arg LLVM_SOURCE=... --build-arg LLVM_KEY=... . && docker run --gpus all -v gpu-tuned:/var/lib/gpu-tuned -v /run/gpu-tuned:/run/gpu-tuned gpu-tuned
# The first stage builds programs that need nothing but glibc, the second holds these and the kernel library.
FROM debian:bookworm-slim AS build
# LLVM_SOURCE: a line of apt's sources.list that brings LLVM 22, LLVM_KEY: the address of the key that signs it.
ARG LLVM_SOURCE LLVM_KEY
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates curl && \
    curl -fsSL "${LLVM_KEY:?}" -o /etc/apt/trusted.gpg.d/llvm.asc && echo "${LLVM_SOURCE:?}" > /etc/apt/sources.list.d/llvm.list
COPY . /source
WORKDIR /source
RUN ./scripts/setup && ./scripts/bundle && ./scripts/package build-bundle/bin

FROM debian:bookworm-slim
COPY --from=build /source/build/package/*.deb /tmp/
# systemd's tools are not needed where no systemd runs.
RUN dpkg-deb -x /tmp/*.deb / && rm /tmp/*.deb && \
    useradd --system --home-dir /var/lib/gpu-tuned gpu-tuned && \
    install -d -o gpu-tuned -g gpu-tuned -m 0700 /var/lib/gpu-tuned && install -d -o gpu-tuned -g gpu-tuned -m 0755 /run/gpu-tuned
ENV NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility \
    GPU_TUNED_SOCKET=/run/gpu-tuned/tuned.sock GPU_TUNED_CACHE=/var/lib/gpu-tuned
VOLUME /var/lib/gpu-tuned
USER gpu-tuned
HEALTHCHECK CMD ["tunectl", "status"]
ENTRYPOINT ["/usr/libexec/gpu-tuned/tuned"]
