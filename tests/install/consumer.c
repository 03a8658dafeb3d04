/* The same in C99. */
#include <bertq/bertq.h>
#include <stdio.h>

int main(void) {
  const bertq_input input =
      bertq_pair("The strike ended on Monday.", "On Monday the strike ended.");
  bertq_model* model = NULL;
  bertq_session* session = NULL;
  bertq_classification result;
  char label[64];
  size_t length = 0;

  if (bertq_abi_version() != BERTQ_ABI_VERSION) return 2;
  if (bertq_model_load_sample(BERTQ_PARAPHRASES, NULL, &model) != BERTQ_OK ||
      bertq_session_create(model, NULL, &session) != BERTQ_OK ||
      bertq_classify(session, &input, 1, &result) != BERTQ_OK ||
      bertq_model_get_label(model, result.index, label, sizeof label, &length) != BERTQ_OK) {
    fprintf(stderr, "%s\n", bertq_last_error());
    return 1;
  }
  printf("%s %g\n", label, result.score);
  bertq_session_free(session);
  bertq_model_free(model);
  return 0;
}
