/* libgputuned: ask the tuned daemon for the fastest build of a kernel, and launch it. Plain C.
 *
 *   gputuned_client* client;   gputuned_answer* answer;   gputuned_kernel* kernel;
 *   gputuned_connect(NULL, &client);
 *   gputuned_submit(client, "softmax", NULL);
 *   gputuned_size sizes[] = {{"n_rows", 4096}, {"n_cols", 1024}};
 *   gputuned_best(client, "softmax", sizes, 2, "cuda:0", &answer);
 *   gputuned_load(client, answer, &kernel);
 *   const void* buffers[] = {y, x};
 *   gputuned_launch(kernel, buffers, 2, stream);
 *
 * Every function that can fail returns a gputuned_status; gputuned_error_message() then says what was wrong
 * and what to do, for the calling thread, until its next call. Out parameters are written only on success.
 * All functions may be called from any thread, also on the same handle; only freeing a handle must be the
 * last use of it. Handles do not depend on each other: an answer or a kernel may outlive its client. Structs
 * begin with their size as the caller knows it, so that later versions may append members. Text is UTF-8. No
 * C++ exception leaves the library. */
#ifndef GPUTUNED_H
#define GPUTUNED_H

#include <stddef.h>
#include <stdint.h>

#define GPUTUNED_VERSION_MAJOR 0
#define GPUTUNED_VERSION_MINOR 1
#define GPUTUNED_VERSION_PATCH 0

#if defined(__GNUC__)
#define GPUTUNED_API __attribute__((visibility("default")))
#else
#define GPUTUNED_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

typedef int32_t gputuned_status;
enum {
  GPUTUNED_OK = 0,
  GPUTUNED_INVALID_INPUT = 1,    /* the caller's kernel, sizes, document or arguments are wrong */
  GPUTUNED_UNSUPPORTED = 2,      /* well-formed, but beyond what this build or device can do */
  GPUTUNED_OUT_OF_RESOURCES = 3, /* memory, shared memory, registers, disk */
  GPUTUNED_NOT_FOUND = 4,        /* no such kernel, device, job, artefact or winner */
  GPUTUNED_FAULTED = 5,          /* a kernel crashed, trapped or failed an assertion */
  GPUTUNED_TIMED_OUT = 6,
  GPUTUNED_DENIED = 7,
  GPUTUNED_UNAVAILABLE = 8, /* no daemon, library or device there now */
  GPUTUNED_INTERNAL = 9,    /* a defect of ours */
  GPUTUNED_CANCELLED = 10   /* somebody took it back */
};

typedef struct gputuned_client gputuned_client;
typedef struct gputuned_answer gputuned_answer;
typedef struct gputuned_kernel gputuned_kernel;
typedef struct gputuned_text gputuned_text;

/* The library's version as MAJOR * 1000000 + MINOR * 1000 + PATCH; compare with the header's. */
GPUTUNED_API uint32_t gputuned_version(void);

/* --- errors and texts --- */

/* Of this thread's last failure: what was wrong and, behind it, what to do. Never null; empty when nothing
 * failed. */
GPUTUNED_API const char* gputuned_error_message(void);
/* "invalid_input", "unavailable", …; "ok" for 0, "unknown" for what this version does not know. */
GPUTUNED_API const char* gputuned_status_name(gputuned_status status);

GPUTUNED_API const char* gputuned_text_data(const gputuned_text* text); /* ends with a zero byte */
GPUTUNED_API size_t gputuned_text_size(const gputuned_text* text);
GPUTUNED_API void gputuned_text_free(gputuned_text* text); /* null is fine, here and below */

/* --- the daemon --- */

typedef struct {
  size_t size;        /* sizeof(gputuned_connect_options) */
  const char* socket; /* null: GPU_TUNED_SOCKET, the user's runtime folder, /run/gpu-tuned/tuned.sock */
  double timeout;     /* seconds an answer may take, besides what is asked to be waited for; 0: 30 */
} gputuned_connect_options;

/* UNAVAILABLE: no daemon listens there; DENIED: its socket may not be opened. Options may be null. */
GPUTUNED_API gputuned_status gputuned_connect(const gputuned_connect_options* options,
                                              gputuned_client** client);
GPUTUNED_API void gputuned_disconnect(gputuned_client* client);
/* The socket's path, as long as the client lives. */
GPUTUNED_API const char* gputuned_socket(const gputuned_client* client);

/* A kernel document with its source in it, as JSON: `kernel` is a document's path, or the name of one of the
 * library. */
GPUTUNED_API gputuned_status gputuned_document(const char* kernel, gputuned_text** document);
/* Takes a kernel up: a path, a name of the library, or a whole document (it then begins with '{'). `info` may
 * be null; it gets the daemon's KernelInfo as JSON, with the id. */
GPUTUNED_API gputuned_status gputuned_submit(gputuned_client* client, const char* kernel,
                                             gputuned_text** info);

typedef struct {
  const char* name;
  int64_t value;
} gputuned_size;

/* The best that is known of a kernel (its id, or the name it was submitted under), never waiting for a
 * tuning. What was answered once is answered from memory, and replaced there when a tuning betters it.
 * `device` may be null: the best there is. */
GPUTUNED_API gputuned_status gputuned_best(gputuned_client* client, const char* kernel,
                                           const gputuned_size* sizes, size_t count, const char* device,
                                           gputuned_answer** answer);
/* The same with everything that can be asked (a BestRequest as JSON: wait, budget, objective, …), always of
 * the daemon. "objective" says what is small: {"time": 0, "energy": 1}, or weights for both; without it time.
 * A weight that is left out is 1 for time and 0 for energy. */
GPUTUNED_API gputuned_status gputuned_ask(gputuned_client* client, const char* request,
                                          gputuned_answer** answer);

typedef struct {
  size_t size;          /* sizeof(gputuned_answer_view), set by the caller */
  const char* kernel;   /* id; strings live as long as the answer */
  const char* device;   /* "cpu", "cuda:0" */
  const char* source;   /* "cache": a winner of this very problem; "nearest", "default" */
  const char* artefact; /* SHA-256 of the binary */
  int64_t grid[3];
  double seconds;  /* median of one launch with a cold cache; NaN: not measured */
  double gain;     /* the default's time / this one's; NaN: not known */
  int32_t settled; /* 1: a winner that no tuning under way will replace */
  int32_t proven;  /* 1: its outputs were compared with a reference, and passed */
  double joules;   /* of one launch, where the objective asked for energy; NaN: not measured */
} gputuned_answer_view;

GPUTUNED_API gputuned_status gputuned_answer_get(const gputuned_answer* answer, gputuned_answer_view* view);
/* Everything, as JSON. */
GPUTUNED_API gputuned_status gputuned_answer_json(const gputuned_answer* answer, gputuned_text** json);
GPUTUNED_API void gputuned_answer_free(gputuned_answer* answer);

/* Called with each event of a tuning (JSON: name, job, trial), on the caller's thread; 0 stops following (the
 * tuning goes on). The text lives until the callback returns. */
typedef int (*gputuned_progress)(const char* event, void* user);

/* Tunes (a TuneRequest as JSON: kernel, sizes, device, budget, objective, …) and follows until it is done.
 * An objective with energy needs a device that counts it; else the tuning fails, and says so. `progress` may
 * be null. `status` gets the JobStatus as JSON and may be null; a tuning without a winner is no failure of
 * this call. */
GPUTUNED_API gputuned_status gputuned_tune(gputuned_client* client, const char* request,
                                           gputuned_progress progress, void* user, gputuned_text** status);
/* Follows a tuning that was started elsewhere, by its job's id. */
GPUTUNED_API gputuned_status gputuned_watch(gputuned_client* client, const char* job,
                                            gputuned_progress progress, void* user, gputuned_text** status);

/* Any other request of the daemon's interface (GET /v1/openapi.json describes it). `body` may be null. */
GPUTUNED_API gputuned_status gputuned_request(gputuned_client* client, const char* method, const char* path,
                                              const char* body, gputuned_text** answer);

/* --- launching --- */

/* Fetches an answer's binary and loads it where the answer says. Needs neither compiler nor daemon
 * afterwards. */
GPUTUNED_API gputuned_status gputuned_load(gputuned_client* client, const gputuned_answer* answer,
                                           gputuned_kernel** kernel);
/* Buffers that a launch takes. */
GPUTUNED_API size_t gputuned_kernel_buffers(const gputuned_kernel* kernel);
/* Bytes that buffer `index` must have at least; 0 when there is no such buffer. */
GPUTUNED_API int64_t gputuned_kernel_buffer_bytes(const gputuned_kernel* kernel, size_t index);

/* Starts one launch on buffers in the order of the kernel's arguments; scalars follow from the sizes. CUDA:
 * device addresses, and `stream` a CUstream of the primary context (null: the default stream); returns before
 * the kernel ran. CPU: addresses of the host; `stream` is not read, and the kernel has run on return.
 * Where an address breaks a condition of the build (alignment, overlap), the daemon is asked for a build
 * without that, which takes its place and is said (gputuned_on_notice); INVALID_INPUT names the condition
 * when there is none. */
GPUTUNED_API gputuned_status gputuned_launch(const gputuned_kernel* kernel, const void* const* buffers,
                                             size_t count, void* stream);
/* Who is told what a program should know although it did not ask, from whichever thread: one line of text,
 * which lives as long as the call. Null: stderr, as at first. For the whole process; `context` is handed on.
 */
GPUTUNED_API void gputuned_on_notice(void (*listener)(const char* text, void* context), void* context);
/* Who is asked every tenth of a second whether a call that waits for the daemon is to go on, on the thread
 * that waits: a program learns of signals so. 0: it waits no longer, and the call ends as TIMED_OUT. Null:
 * nobody, as at first. For the whole process; `context` is handed on. */
GPUTUNED_API void gputuned_on_wait(int (*go_on)(void* context), void* context);
/* The CUDA device whose memory an address is: N of "cuda:N". INVALID_INPUT: it is no address of a device;
 * UNAVAILABLE: there is no driver. */
GPUTUNED_API gputuned_status gputuned_pointer_device(const void* pointer, int32_t* device);
/* No launch may be running. */
GPUTUNED_API void gputuned_kernel_free(gputuned_kernel* kernel);

#ifdef __cplusplus
}
#endif

#endif
