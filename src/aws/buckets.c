/* buckets.c - the retry tokens of each service in each region. */
#include "private.h"

#include <stdio.h>
#include <string.h>

struct owned_bucket {
    const struct aws_service *service;
    char region[AWS_MAX_REGION + 1];
    struct aws_bucket bucket;
};

struct aws_buckets {
    pthread_mutex_t lock; /* for count */
    size_t count;
    struct owned_bucket list[AWS_MAX_BUCKETS];
};

struct aws_buckets *aws_buckets_new(struct fx_scope *sc) {
    struct aws_buckets *buckets = FX_NEW(sc, struct aws_buckets);

    pthread_mutex_init(&buckets->lock, NULL);
    return buckets;
}

void aws_buckets_close(struct aws_buckets *buckets) {
    for (size_t i = 0; i < buckets->count; i++)
        pthread_mutex_destroy(&buckets->list[i].bucket.lock);
    pthread_mutex_destroy(&buckets->lock);
}

static struct owned_bucket *find(struct aws_buckets *buckets, const struct aws_service *service,
                                 const char *region) {
    for (size_t i = 0; i < buckets->count; i++)
        if (buckets->list[i].service == service && strcmp(buckets->list[i].region, region) == 0)
            return &buckets->list[i];
    return NULL;
}

struct aws_bucket *aws_buckets_find(struct aws_buckets *buckets, const struct aws_service *service,
                                    const char *region) {
    pthread_mutex_lock(&buckets->lock);
    struct owned_bucket *found = find(buckets, service, region);
    if (found == NULL && buckets->count == AWS_MAX_BUCKETS)
        found = &buckets->list[AWS_MAX_BUCKETS - 1];
    else if (found == NULL) {
        found = &buckets->list[buckets->count++];
        found->service = service;
        snprintf(found->region, sizeof(found->region), "%s", region);
        aws_bucket_init(&found->bucket);
    }
    pthread_mutex_unlock(&buckets->lock);
    return &found->bucket;
}
