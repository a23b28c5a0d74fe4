"""Tasks of articles."""

from celery import chain, chord, shared_task
from django.db import transaction
from django.utils import timezone

from .models import Article, Note


@shared_task
def count(kind="all"):
    """Keeps how many articles there are."""
    Note.objects.create(text=f"{kind}: {Article.objects.count()}")
    return Article.objects.count()


@shared_task(bind=True)
def publish_due(self):
    """Publishes what is due, by the clock."""
    ids = list(
        Article.objects.filter(due__lte=timezone.now(), published=False).values_list(
            "id", flat=True
        )
    )
    Article.objects.filter(id__in=ids).update(published=True)
    return ids


@shared_task(
    bind=True,
    autoretry_for=(Article.DoesNotExist,),
    max_retries=3,
    default_retry_delay=0,
)
def words_of(self, article_id):
    """Counts the words of a title."""
    article = Article.objects.get(id=article_id)
    article.words = len(article.title.split())
    article.save(update_fields=["words"])
    return article.words


@shared_task
def total(numbers):
    """The sum."""
    return sum(numbers)


@shared_task(throws=(ValueError,))
def refuse(article_id):
    """Fails."""
    raise ValueError(f"article {article_id} is not printable")


def count_words(articles):
    """A workflow over articles."""
    return chord([words_of.s(each.id) for each in articles], total.s())


def write(title, due):
    """Writes an article, and has its words counted once it is there."""
    with transaction.atomic():
        article = Article.objects.create(title=title, due=due)
        result = words_of.delay_on_commit(article.id)
    return article, result


def twice(article):
    """A chain with an immutable step."""
    return chain(words_of.si(article.id), total_of_one.s(), total_of_one.s())


@shared_task
def total_of_one(number):
    """One more."""
    return number + 1
