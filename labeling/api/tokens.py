"""`staff/tokens`: the API tokens of the signed-in user."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from labeling.api.permissions import IsUser, project_for
from labeling.api.principals import signed_in
from labeling.models import Token
from labeling.selectors import people as people_selectors
from labeling.services import people, tokens

if TYPE_CHECKING:
    from rest_framework.request import Request


class TokenRequestSerializer(serializers.Serializer[Any]):
    """A new token."""

    name = serializers.CharField(max_length=80)
    scopes = serializers.ListField(
        child=serializers.ChoiceField(tokens.SCOPES), min_length=1, max_length=len(tokens.SCOPES)
    )
    project = serializers.CharField(
        required=False, allow_null=True, help_text="Slug; all projects of the user without it."
    )
    days = serializers.IntegerField(min_value=1, max_value=3650, default=365)


class TokenSerializer(serializers.ModelSerializer[Token]):
    """A token, without its secret."""

    id = serializers.UUIDField(source="public_id")
    scopes = serializers.ListField(child=serializers.CharField())
    project = serializers.CharField(source="project.slug", default=None, allow_null=True)

    class Meta:
        model = Token
        fields: tuple[str, ...] = (
            "id",
            "name",
            "prefix",
            "scopes",
            "project",
            "created_at",
            "expires_at",
            "last_used_at",
        )


class NewTokenSerializer(TokenSerializer):
    """A token that was made just now: its secret is shown once."""

    token = serializers.SerializerMethodField()

    class Meta(TokenSerializer.Meta):
        fields = (*TokenSerializer.Meta.fields, "token")

    def get_token(self, row: Token) -> str:
        """The secret."""
        return str(self.context["secret"])


class TokensView(APIView):
    """Tokens of the signed-in user. A token cannot make tokens."""

    permission_classes = (IsUser,)

    @extend_schema(
        tags=["staff"],
        operation_id="list_tokens",
        summary="Your API tokens",
        responses=TokenSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        """List those that were not revoked."""
        rows = people_selectors.tokens(signed_in(request).pk)
        return Response(TokenSerializer(rows, many=True).data)

    @extend_schema(
        tags=["staff"],
        operation_id="create_token",
        summary="Make an API token; its secret is shown once",
        request=TokenRequestSerializer,
        responses={201: NewTokenSerializer},
    )
    def post(self, request: Request) -> Response:
        """Make one."""
        given = TokenRequestSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        slug = given.validated_data.get("project")
        token, secret = people.create_token(
            user_id=signed_in(request).pk,
            project_id=project_for(request, slug).pk if slug else None,
            name=given.validated_data["name"],
            scopes=given.validated_data["scopes"],
            ttl=timedelta(days=given.validated_data["days"]),
            now=timezone.now(),
        )
        body = NewTokenSerializer(token, context={"secret": secret}).data
        return Response(body, status=201)


class TokenView(APIView):
    """One token."""

    permission_classes = (IsUser,)

    @extend_schema(
        tags=["staff"],
        operation_id="revoke_token",
        summary="End a token at once",
        responses={204: None},
    )
    def delete(self, request: Request, public_id: str) -> Response:
        """Revoke it."""
        people.revoke_token(
            token_id=people_selectors.token(signed_in(request).pk, public_id).pk,
            user_id=signed_in(request).pk,
            now=timezone.now(),
        )
        return Response(status=204)
