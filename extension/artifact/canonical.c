/*
 * canonical.c
 *		A checked model as bytes again: the only ones that XGBoost ever sees.
 */
#include <stdio.h>
#include <string.h>

#include "artifact/canonical.h"

/* Counts bytes, and writes them where there is a place for them. */
typedef struct Writer
{
	char	   *at;				/* or NULL */
	size_t		size;
} Writer;

/* The parameters without which the library does not load an objective. */
typedef struct Parameter
{
	const char *objective;		/* or its family, up to the colon */
	const char *object;
	const char *key;
	const char *value;			/* NULL: from the model */
} Parameter;

static const Parameter parameters[] = {
	{"reg:", "reg_loss_param", "scale_pos_weight", "1"},
	{"binary:", "reg_loss_param", "scale_pos_weight", "1"},
	{"reg:pseudohubererror", "pseudo_huber_param", "huber_slope", "1"},
	{"reg:tweedie", "tweedie_regression_param", "tweedie_variance_power", "1.5"},
	{"reg:quantileerror", "quantile_loss_param", "quantile_alpha", NULL},
	{"reg:expectileerror", "expectile_loss_param", "expectile_alpha", NULL},
	{"count:poisson", "poisson_regression_param", "max_delta_step", "0.7"},
	{"multi:", "softmax_multiclass_param", "num_class", NULL},
	{"rank:", "lambda_rank_param", "num_pairsample", "1"},
	{"rank:", "lambdarank_param", "lambdarank_pair_method", "topk"},
	{"survival:aft", "aft_loss_param", "aft_loss_distribution", "normal"},
};

static void write_tree(Writer *writer, const SbkTree *tree);
static void write_model_head(Writer *writer, const SbkSummary *summary,
							 const int version[3]);
static void write_model_tail(Writer *writer, const SbkSummary *summary,
							 const int version[3]);
static void write_objective(Writer *writer, const SbkSummary *summary);
static bool is_parameter_of(const Parameter *parameter, const char *objective);
static void write_base_score(Writer *writer, const SbkSummary *summary,
							 const int version[3]);
static void put(Writer *writer, const void *bytes, size_t n);
static void put_big_endian(Writer *writer, uint64_t number, int size);
static inline void set_big_endian(char *at, uint64_t number, int size);
static void put_mark(Writer *writer, char mark);
static void put_key(Writer *writer, const char *key);
static void put_text(Writer *writer, const char *text);
static void put_number_text(Writer *writer, const char *key, long number);
static void put_numbers_text(Writer *writer, const char *key,
							 const float *numbers, int count, bool list);
static void put_integer(Writer *writer, int64_t number);
static void put_real(Writer *writer, float number);
static void put_array_head(Writer *writer, char type, size_t count);
static void put_integers(Writer *writer, const char *key, char type,
						 const SbkIntegers *list);
static void put_reals(Writer *writer, const char *key, const SbkReals *list);

bool
sbk_canonical_add_tree(void *arg, const SbkTree *tree)
{
	SbkCanonical *canonical = arg;
	SbkCanonicalTree *added;
	Writer		writer = {NULL, 0};

	write_tree(&writer, tree);
	added = sbk_arena_alloc(canonical->arena,
							sizeof(SbkCanonicalTree) + writer.size);
	if (added == NULL)
		return false;
	added->next = NULL;
	added->size = writer.size;
	writer.at = added->bytes;
	write_tree(&writer, tree);

	if (canonical->last != NULL)
		canonical->last->next = added;
	else
		canonical->first = added;
	canonical->last = added;
	return true;
}

size_t
sbk_canonical_write(const SbkCanonical *canonical, const SbkSummary *summary,
					const int version[3], char *bytes)
{
	Writer		writer = {bytes, 0};
	const SbkCanonicalTree *tree;

	write_model_head(&writer, summary, version);
	for (tree = canonical->first; tree != NULL; tree = tree->next)
		put(&writer, tree->bytes, tree->size);
	write_model_tail(&writer, summary, version);
	return writer.size;
}

static void
write_tree(Writer *writer, const SbkTree *tree)
{
	int			i;

	put_mark(writer, '{');
	put_reals(writer, "base_weights", &tree->base_weights);
	put_integers(writer, "categories", 'l', &tree->categories);
	put_integers(writer, "categories_nodes", 'l', &tree->category_nodes);
	put_integers(writer, "categories_segments", 'L', &tree->category_segments);
	put_integers(writer, "categories_sizes", 'L', &tree->category_sizes);
	put_integers(writer, "default_left", 'U', &tree->default_left);
	put_key(writer, "id");
	put_integer(writer, tree->id);
	if (tree->leaf_weights.count > 0)
		put_reals(writer, "leaf_weights", &tree->leaf_weights);
	put_integers(writer, "left_children", 'l', &tree->left);
	if (tree->loss_changes.count > 0)
		put_reals(writer, "loss_changes", &tree->loss_changes);
	put_integers(writer, "parents", 'l', &tree->parents);
	put_integers(writer, "right_children", 'l', &tree->right);
	put_reals(writer, "split_conditions", &tree->conditions);
	put_integers(writer, "split_indices", 'l', &tree->split_indices);
	if (tree->split_type.count > 0)
		put_integers(writer, "split_type", 'U', &tree->split_type);
	else
	{
		/* files without categories may leave it out, the library may not */
		put_key(writer, "split_type");
		put_array_head(writer, 'U', tree->num_node);
		for (i = 0; i < tree->num_node; i++)
			put_mark(writer, 0);
	}
	if (tree->sum_hessian.count > 0)
		put_reals(writer, "sum_hessian", &tree->sum_hessian);
	put_key(writer, "tree_param");
	put_mark(writer, '{');
	put_number_text(writer, "num_deleted", tree->num_deleted);
	put_number_text(writer, "num_feature", tree->num_feature);
	put_number_text(writer, "num_nodes", tree->num_node);
	put_number_text(writer, "size_leaf_vector", tree->leaf_size);
	put_mark(writer, '}');
	put_mark(writer, '}');
}

/* As far as the trees. */
static void
write_model_head(Writer *writer, const SbkSummary *summary,
				 const int version[3])
{
	bool		dart = summary->tree_weights != NULL;
	int			i;

	put_mark(writer, '{');
	put_key(writer, "learner");
	put_mark(writer, '{');
	put_key(writer, "attributes");
	put_mark(writer, '{');
	put_mark(writer, '}');
	put_key(writer, "feature_names");
	put_mark(writer, '[');
	put_mark(writer, ']');
	put_key(writer, "feature_types");
	put_mark(writer, '[');
	put_mark(writer, ']');
	put_key(writer, "gradient_booster");
	put_mark(writer, '{');
	if (dart)
	{
		put_key(writer, "gbtree");
		put_mark(writer, '{');
	}
	put_key(writer, "model");
	put_mark(writer, '{');
	if (summary->booster == SBK_BOOSTER_GBLINEAR)
		return;
	put_key(writer, "gbtree_model_param");
	put_mark(writer, '{');
	put_number_text(writer, "num_parallel_tree", summary->num_parallel_tree);
	put_number_text(writer, "num_trees", summary->num_tree);
	put_number_text(writer, "size_leaf_vector", 0);
	put_mark(writer, '}');
	put_key(writer, "tree_info");
	put_mark(writer, '[');
	for (i = 0; i < summary->num_tree; i++)
		put_integer(writer, summary->vector_leaf ? 0 :
					i / summary->num_parallel_tree % summary->num_output);
	put_mark(writer, ']');
	put_key(writer, "trees");
	put_mark(writer, '[');
}

static void
write_model_tail(Writer *writer, const SbkSummary *summary,
				 const int version[3])
{
	bool		linear = summary->booster == SBK_BOOSTER_GBLINEAR;
	bool		dart = summary->tree_weights != NULL;
	int			i;

	if (linear)
	{
		SbkReals	weights = {
			.count = ((size_t) summary->num_feature + 1) * summary->num_output,
			.values = (float *) summary->linear_weights
		};

		put_key(writer, "boosted_rounds");
		put_integer(writer, summary->num_round);
		put_reals(writer, "weights", &weights);
	}
	else
		put_mark(writer, ']');	/* trees */
	put_mark(writer, '}');		/* model */
	if (dart)
	{
		put_key(writer, "name");
		put_mark(writer, 'S');
		put_text(writer, "gbtree");
		put_mark(writer, '}');	/* gbtree */
	}
	put_key(writer, "name");
	put_mark(writer, 'S');
	put_text(writer, linear ? "gblinear" : dart ? "dart" : "gbtree");
	if (dart)
	{
		put_key(writer, "weight_drop");
		put_mark(writer, '[');
		for (i = 0; i < summary->num_tree; i++)
			put_real(writer, summary->tree_weights[i]);
		put_mark(writer, ']');
	}
	put_mark(writer, '}');		/* gradient_booster */

	put_key(writer, "learner_model_param");
	put_mark(writer, '{');
	write_base_score(writer, summary, version);
	put_number_text(writer, "boost_from_average", 1);
	put_number_text(writer, "num_class", summary->num_class);
	put_number_text(writer, "num_feature", summary->num_feature);
	put_number_text(writer, "num_target",
					summary->num_class > 1 ? 1 : summary->num_output);
	put_mark(writer, '}');
	write_objective(writer, summary);
	put_mark(writer, '}');		/* learner */

	put_key(writer, "version");
	put_mark(writer, '[');
	for (i = 0; i < 3; i++)
		put_integer(writer, version[i]);
	put_mark(writer, ']');
	put_mark(writer, '}');
}

static void
write_objective(Writer *writer, const SbkSummary *summary)
{
	size_t		i;

	put_key(writer, "objective");
	put_mark(writer, '{');
	put_key(writer, "name");
	put_mark(writer, 'S');
	put_text(writer, summary->objective);
	for (i = 0; i < sizeof(parameters) / sizeof(parameters[0]); i++)
	{
		const Parameter *parameter = &parameters[i];

		if (!is_parameter_of(parameter, summary->objective))
			continue;
		put_key(writer, parameter->object);
		put_mark(writer, '{');
		if (parameter->value != NULL)
		{
			put_key(writer, parameter->key);
			put_mark(writer, 'S');
			put_text(writer, parameter->value);
		}
		else if (summary->alphas != NULL)
			put_numbers_text(writer, parameter->key, summary->alphas,
							 summary->num_alpha, true);
		else
			put_number_text(writer, parameter->key, summary->num_class);
		put_mark(writer, '}');
	}
	put_mark(writer, '}');
}

static bool
is_parameter_of(const Parameter *parameter, const char *objective)
{
	size_t		len = strlen(parameter->objective);

	return strncmp(objective, parameter->objective, len) == 0 &&
		(parameter->objective[len - 1] == ':' || objective[len] == '\0');
}

/* A list in brackets is for versions that know it; others take one number. */
static void
write_base_score(Writer *writer, const SbkSummary *summary,
				 const int version[3])
{
	bool		several = summary->num_base_score > 1 &&
		(version[0] > 3 || (version[0] == 3 && version[1] >= 1));

	put_numbers_text(writer, "base_score", summary->base_scores,
					 several ? summary->num_base_score : 1, several);
}

static void
put(Writer *writer, const void *bytes, size_t n)
{
	if (writer->at != NULL)
	{
		memcpy(writer->at, bytes, n);
		writer->at += n;
	}
	writer->size += n;
}

static void
put_big_endian(Writer *writer, uint64_t number, int size)
{
	char		bytes[8];

	set_big_endian(bytes, number, size);
	put(writer, bytes, size);
}

/* Inline, and with a constant size, this is one instruction and a store. */
static inline void
set_big_endian(char *at, uint64_t number, int size)
{
	int			i;

	for (i = 0; i < size; i++)
		at[i] = (char) (number >> 8 * (size - 1 - i));
}

static void
put_mark(Writer *writer, char mark)
{
	put(writer, &mark, 1);
}

static void
put_key(Writer *writer, const char *key)
{
	put_text(writer, key);
}

static void
put_text(Writer *writer, const char *text)
{
	size_t		n = strlen(text);

	put_integer(writer, n);
	put(writer, text, n);
}

/* A number as text, which is how XGBoost keeps parameters. */
static void
put_number_text(Writer *writer, const char *key, long number)
{
	char		text[32];

	snprintf(text, sizeof(text), "%ld", number);
	put_key(writer, key);
	put_mark(writer, 'S');
	put_text(writer, text);
}

/*
 * The same for one number or a list.  Nine digits are all that float4 has; the
 * exponent tells XGBoost before 3.1 that no number is an integer.
 */
static void
put_numbers_text(Writer *writer, const char *key, const float *numbers,
				 int count, bool list)
{
	Writer		length = {NULL, 0};
	int			pass;
	int			i;

	put_key(writer, key);
	put_mark(writer, 'S');
	for (pass = 0; pass < 2; pass++)
	{
		Writer	   *to = pass == 0 ? &length : writer;

		/* a text begins with its length */
		if (pass == 1)
			put_integer(writer, length.size);
		if (list)
			put_mark(to, '[');
		for (i = 0; i < count; i++)
		{
			char		number[32];
			int			n = snprintf(number, sizeof(number), "%s%.8E",
									 i > 0 ? "," : "", numbers[i]);

			put(to, number, n);
		}
		if (list)
			put_mark(to, ']');
	}
}

static void
put_integer(Writer *writer, int64_t number)
{
	put_mark(writer, 'L');
	put_big_endian(writer, (uint64_t) number, 8);
}

static void
put_real(Writer *writer, float number)
{
	uint32_t	bits;

	memcpy(&bits, &number, sizeof(bits));
	put_mark(writer, 'd');
	put_big_endian(writer, bits, 4);
}

static void
put_array_head(Writer *writer, char type, size_t count)
{
	put_mark(writer, '[');
	put_mark(writer, '$');
	put_mark(writer, type);
	put_mark(writer, '#');
	put_integer(writer, count);
}

/* Most of the bytes of a model are written by these two. */
static void
put_integers(Writer *writer, const char *key, char type,
			 const SbkIntegers *list)
{
	int			size = type == 'U' ? 1 : type == 'l' ? 4 : 8;
	char	   *at;
	size_t		i;

	put_key(writer, key);
	put_array_head(writer, type, list->count);
	writer->size += list->count * size;
	if (writer->at == NULL)
		return;
	at = writer->at;
	writer->at += list->count * size;
	switch (size)
	{
		case 1:
			for (i = 0; i < list->count; i++)
				at[i] = (char) list->values[i];
			break;
		case 4:
			for (i = 0; i < list->count; i++)
				set_big_endian(at + i * 4, (uint64_t) list->values[i], 4);
			break;
		case 8:
			for (i = 0; i < list->count; i++)
				set_big_endian(at + i * 8, (uint64_t) list->values[i], 8);
			break;
	}
}

static void
put_reals(Writer *writer, const char *key, const SbkReals *list)
{
	char	   *at;
	size_t		i;

	put_key(writer, key);
	put_array_head(writer, 'd', list->count);
	writer->size += list->count * sizeof(float);
	if (writer->at == NULL)
		return;
	at = writer->at;
	writer->at += list->count * sizeof(float);
	for (i = 0; i < list->count; i++)
	{
		uint32_t	bits;

		memcpy(&bits, &list->values[i], sizeof(bits));
		set_big_endian(at + i * 4, bits, 4);
	}
}
