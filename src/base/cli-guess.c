/* SPDX-License-Identifier: Apache-2.0 */
#include "base/cli.h"
#include "base/mem.h"

#define MAX_WORD 63

static size_t smallest(size_t a, size_t b, size_t c)
{
	size_t least = a < b ? a : b;

	return least < c ? least : c;
}

/*
 * How many letters must be inserted, dropped, changed or swapped with their
 * neighbour to get from a to b (optimal string alignment).
 */
static size_t distance(struct str a, struct str b)
{
	size_t row[3][MAX_WORD + 1];

	for (size_t j = 0; j <= b.n; j++)
		row[0][j] = j;
	for (size_t i = 1; i <= a.n; i++) {
		size_t *now = row[i % 3], *before = row[(i - 1) % 3],
		       *two_before = row[(i + 1) % 3];

		now[0] = i;
		for (size_t j = 1; j <= b.n; j++) {
			size_t change = before[j - 1] + (a.p[i - 1] != b.p[j - 1]);

			now[j] = smallest(before[j] + 1, now[j - 1] + 1, change);
			if (i > 1 && j > 1 && a.p[i - 1] == b.p[j - 2] &&
			    a.p[i - 2] == b.p[j - 1] && two_before[j - 2] + 1 < now[j])
				now[j] = two_before[j - 2] + 1;
		}
	}
	return row[a.n % 3][b.n];
}

/* Near is a third of the letters, but a word is also meant by its beginning. */
void cli_guess_try(struct cli_guess *g, struct str name)
{
	size_t d;

	if (name.n < 2 || name.n > MAX_WORD || g->word.n < 2 || g->word.n > MAX_WORD)
		return;
	d = distance(g->word, name);
	if (d > name.n / 3) {
		if (g->word.n < 3 || name.n < g->word.n ||
		    memcmp(g->word.p, name.p, g->word.n) != 0)
			return;
		d = name.n;
	}
	if (g->best.n == 0 || d < g->distance) {
		g->best = name;
		g->distance = d;
	}
}

void cli_guess_names(struct cli_guess *g, const char *names)
{
	struct str rest = str_of(names), name;

	while (cli_next_name(&rest, &name))
		cli_guess_try(g, name);
}
