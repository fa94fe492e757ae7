/* Softmax of 4096 rows on the CPU with the fastest build the daemon knows.
 *
 *   cc softmax.c $(pkg-config --cflags --libs gputuned) -lm && ./a.out
 */
#include <gputuned.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static int check(gputuned_status status, const char* what) {
  if (status == GPUTUNED_OK) return 1;
  fprintf(stderr, "%s: %s: %s\n", what, gputuned_status_name(status), gputuned_error_message());
  return 0;
}

int main(void) {
  enum { ROWS = 4096, COLUMNS = 256 };
  const gputuned_size sizes[] = {{"n_rows", ROWS}, {"n_cols", COLUMNS}};
  gputuned_client* client = NULL;
  gputuned_answer* answer = NULL;
  gputuned_kernel* kernel = NULL;
  float* x = aligned_alloc(64, sizeof(float) * ROWS * COLUMNS);
  float* y = aligned_alloc(64, sizeof(float) * ROWS * COLUMNS);
  int sound = 0;

  if (x && y && check(gputuned_connect(NULL, &client), "connecting") &&
      check(gputuned_submit(client, "softmax", NULL), "submitting") &&
      check(gputuned_best(client, "softmax", sizes, 2, "cpu", &answer), "asking") &&
      check(gputuned_load(client, answer, &kernel), "loading")) {
    for (size_t i = 0; i < (size_t)ROWS * COLUMNS; ++i)
      x[i] = (float)(i % 17) / 4;
    const void* buffers[] = {y, x}; /* in the order of the kernel's arguments */
    if (check(gputuned_launch(kernel, buffers, 2, NULL), "launching")) {
      gputuned_answer_view view = {.size = sizeof view};
      float sum = 0;
      gputuned_answer_get(answer, &view);
      for (int i = 0; i < COLUMNS; ++i)
        sum += y[i];
      printf("%s answer on %s, the first row sums to %.4f\n", view.source, view.device, (double)sum);
      sound = fabsf(sum - 1) < 1e-3F;
    }
  }
  gputuned_kernel_free(kernel);
  gputuned_answer_free(answer);
  gputuned_disconnect(client);
  free(y);
  free(x);
  return sound ? EXIT_SUCCESS : EXIT_FAILURE;
}
