/* One text, or a pair, to its label, in C99.

     classify MODEL TEXT [PAIR] */
#include <bertq/bertq.h>
#include <stdio.h>

static int failed(const char* what) {
  fprintf(stderr, "classify: %s: %s\n", what, bertq_last_error());
  return 1;
}

int main(int argc, char** argv) {
  bertq_model* model = NULL;
  bertq_session* session = NULL;
  bertq_classification result;
  bertq_input input;
  char label[64] = "";
  size_t length = 0;

  if (argc < 3 || argc > 4) {
    fprintf(stderr, "usage: classify MODEL TEXT [PAIR]\n");
    return 2;
  }
  input = bertq_pair(argv[2], argc == 4 ? argv[3] : NULL);
  if (bertq_model_load(argv[1], NULL, &model) != BERTQ_OK) return failed("model");
  if (bertq_session_create(model, NULL, &session) != BERTQ_OK) return failed("session");
  if (bertq_classify(session, &input, 1, &result) != BERTQ_OK) return failed("text");
  if (bertq_model_get_label(model, result.index, label, sizeof label, &length) != BERTQ_OK) {
    return failed("label");
  }
  printf("%s\t%g\n", label, result.score);
  bertq_session_free(session);
  bertq_model_free(model);
  return 0;
}
